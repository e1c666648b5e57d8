"""warehouse -> the state of every pipeline at a glance."""

from typing import Any

from nightshift.config.pipeline import PipelineConfig
from nightshift.io.monitoring.schema_changes import list_last_changes
from nightshift.io.monitoring.validation_and_drift import read_status_rows
from nightshift.io.resources import Resources
from nightshift.io.sources import check_available

# A line that names more changes than this is read by nobody.
MAX_REPORTED = 5


def read_status(resources: Resources, configs: list[PipelineConfig]) -> list[dict[str, Any]]:
    """One record per pipeline, in the given order: what it is, whether its data can be had, and what last happened."""
    with resources.warehouse.begin() as connection:
        rows = read_status_rows(connection, [config.name for config in configs])
    return [
        {**config.describe(), **row, "data": check_available(config, resources.get_connection) or "available"}
        for config, row in zip(configs, rows, strict=True)
    ]


def describe_schema_changes(resources: Resources, pipeline: str) -> str | None:
    """One sentence on the last batch whose columns were not what was agreed; None where there was none."""
    with resources.warehouse.begin() as connection:
        changes = list_last_changes(connection, pipeline)
    if not changes:
        return None
    added = [change["column_name"] for change in changes if change["change"] == "added" and change["accepted"]]
    reported = [f"{', '.join(added)}: not declared in pipeline.yaml"] if added else []
    reported += [change["detail"] for change in changes if change["column_name"] not in added]
    more = f"; and {len(reported) - MAX_REPORTED} more" if len(reported) > MAX_REPORTED else ""
    when = changes[0]["partition_date"]
    return f"Columns last differed from what was agreed on {when}: {'; '.join(reported[:MAX_REPORTED])}{more}"
