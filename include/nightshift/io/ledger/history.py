"""What the ledger ever said of a partition."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, text

from nightshift.io.lake.base import ObjectRef
from nightshift.io.ledger.entries import Kind

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


@dataclass(frozen=True)
class ScoredVersion:
    """What one version last published for a partition; `visible` where the partition still shows it."""

    partition: date
    version: int
    ref: ObjectRef
    visible: bool


_SCORED = """
    select distinct on (h.partition_date, h.model_version)
        h.partition_date, h.model_version, h.object_uri, h.sha256, h.rows, l.attempt is not null as visible
    from ml.ledger_history h
    left join ml.ledger l using (pipeline, partition_date, kind, attempt)
    where h.pipeline = :pipeline and h.kind = 'scores' and h.model_version is not null
        and h.partition_date between :first and :last
    order by h.partition_date, h.model_version, h.id desc
"""


def list_scored_versions(connection: Connection, pipeline: str, first: date, last: date) -> list[ScoredVersion]:
    """Each version that ever published one of these partitions, with its newest scores; by partition and version."""
    found = connection.execute(text(_SCORED), {"pipeline": pipeline, "first": first, "last": last})
    return [
        ScoredVersion(
            row.partition_date, row.model_version, ObjectRef(row.object_uri, row.sha256, row.rows), row.visible
        )
        for row in found
    ]
