"""The assets that chain the DAGs of a pipeline."""

from collections.abc import Iterable
from datetime import date
from typing import Literal

from airflow.sdk import Asset, Context

AssetKind = Literal["features", "scores", "champion"]


def make_asset(pipeline: str, kind: AssetKind) -> Asset:
    """The asset `NAME/features`, `NAME/scores` or `NAME/champion`; equal wherever it is made."""
    return Asset(f"{pipeline}/{kind}")


def announce_partition(context: Context, partition: date) -> None:
    """Give the task's asset events the partition key that its run lacks, so that what follows runs for it as well."""
    if context["dag_run"].partition_key is None:
        announce_partitions(context, [partition])


def announce_partitions(context: Context, partitions: Iterable[date]) -> None:
    """Let the task announce its assets once for each of the partitions."""
    keys = [partition.isoformat() for partition in partitions]
    for asset in context["outlets"]:
        context["outlet_events"][asset].add_partitions(keys)
