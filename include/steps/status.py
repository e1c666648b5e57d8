"""warehouse -> the state of every pipeline at a glance."""

from typing import Any

from include.config.pipeline import PipelineConfig
from include.io.monitoring import read_status_rows
from include.io.resources import Resources
from include.io.sources import check_available


def read_status(resources: Resources, configs: list[PipelineConfig]) -> list[dict[str, Any]]:
    """One record per pipeline, in the given order: what it is, whether its data can be had, and what last happened."""
    with resources.warehouse.begin() as connection:
        rows = read_status_rows(connection, [config.name for config in configs])
    return [
        {**config.describe(), **row, "data": check_available(config, resources.get_connection) or "available"}
        for config, row in zip(configs, rows, strict=True)
    ]
