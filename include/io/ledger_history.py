"""What the ledger ever said of a partition."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, text

from include.io.ledger import Kind

_HISTORY = """
    select
        object_uri as uri, sha256, rows, written_at, model_version, inputs_sha256, config_sha256, code_version, params
    from ml.ledger_history
    where pipeline = :pipeline and partition_date = :partition and kind = :kind
    order by id desc
"""


@dataclass(frozen=True)
class Written:
    """One row of ml.ledger_history: an object, what it was made from and by which code."""

    uri: str
    sha256: str
    rows: int
    written_at: datetime
    model_version: int | None
    inputs_sha256: str | None
    config_sha256: str
    code_version: str
    params: dict[str, Any]


def list_written(connection: Connection, pipeline: str, partition: date, kind: Kind) -> list[Written]:
    """Every object of this kind that the partition ever had, newest first."""
    values = {"pipeline": pipeline, "partition": partition, "kind": kind}
    return [Written(**row) for row in connection.execute(text(_HISTORY), values).mappings()]
