"""The day that a training or drift run stands on, read from the run and, by hand, from the ledger."""

from datetime import date
from typing import Any

from airflow.sdk import get_current_context

from nightshift.config.pipeline import PipelineConfig
from nightshift.orchestration.partitions import choose_as_of


def read_as_of(config: PipelineConfig, resources: Any) -> date:
    """`choose_as_of` for the run of this task."""

    def find_newest() -> date | None:
        from nightshift.io.ledger.entries import find_last_partition

        with resources.warehouse.begin() as connection:
            return find_last_partition(connection, config.name, "raw")

    context = get_current_context()
    return choose_as_of(context["dag_run"], context["params"], find_newest)
