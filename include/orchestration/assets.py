"""The assets that chain the DAGs of a pipeline."""

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
        for asset in context["outlets"]:
            context["outlet_events"][asset].add_partitions(partition.isoformat())
