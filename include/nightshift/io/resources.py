"""The io objects of one run, made from connections."""

from dataclasses import dataclass

from nightshift.config.airflow.connections import LAKE, WAREHOUSE, GetConnection
from nightshift.config.project import PROJECT_ROOT
from nightshift.io.lake.base import Lake
from nightshift.io.lake.open import open_lake
from nightshift.io.warehouse.engine import Warehouse, open_warehouse


@dataclass(frozen=True)
class Resources:
    """Everything outside this process that a step may touch."""

    warehouse: Warehouse
    lake: Lake
    get_connection: GetConnection


def open_resources(get_connection: GetConnection) -> Resources:
    """Look up the two connections that Nightshift needs; the sources look up theirs when they are read."""
    return Resources(
        warehouse=open_warehouse(get_connection(WAREHOUSE)),
        lake=open_lake(get_connection(LAKE), PROJECT_ROOT),
        get_connection=get_connection,
    )
