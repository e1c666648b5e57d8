"""Airflow's deadline alert: it speaks up about a night that never ended, so that no task of it could."""

import asyncio
from datetime import date, timedelta
from typing import Any

from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

from nightshift.config.pipeline import PipelineConfig
from nightshift.orchestration.partitions import parse_partition


def set_deadline(pipeline: PipelineConfig) -> DeadlineAlert:
    """A run of ingest or score that is not through so long after it was queued."""
    return DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=timedelta(hours=pipeline.spec.alerts.missed_after_hours),
        callback=AsyncCallback(tell_missed_partition, kwargs={"pipeline": pipeline.name}),
    )


async def tell_missed_partition(pipeline: str, context: dict[str, Any]) -> None:
    """Called by Airflow's triggerer when the deadline has passed: the night is missed, unless its scores are there.

    It finds what the task `notify` of the next run would find, and opens the same alert: once, whoever is first.
    No SyncCallback: those run where tasks do, but Airflow 3.3 lets them read no connection.
    """
    from nightshift.orchestration.tasks.alerts import update_alerts

    # In a thread of its own, so that the triggerer's other work goes on.
    await asyncio.to_thread(update_alerts, pipeline, list_expected(context["dag_run"]))


def list_expected(run: dict[str, Any]) -> list[date]:
    """The night that the run stands for; a run by hand or of a backfill, late or not, is no night that was missed."""
    if run.get("run_type") != "scheduled" or not run.get("partition_key"):
        return []
    return [parse_partition(run["partition_key"])]
