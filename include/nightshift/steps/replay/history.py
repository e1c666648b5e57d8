"""The partitions that a replay reads: ingested once, since no policy changes them."""

from collections.abc import Callable, Sequence
from datetime import date

from nightshift.config.pipeline import PipelineConfig
from nightshift.errors import DataUnavailable
from nightshift.io.ledger.entries import find_entries
from nightshift.io.resources import Resources
from nightshift.steps.outcome import Outcome
from nightshift.steps.runs import run_ingest


def ingest_history(
    config: PipelineConfig, resources: Resources, days: Sequence[date], tell: Callable[[str], None]
) -> dict[date, str]:
    """Ingest the days that the lake does not have yet, in order. For those without features, why."""
    with resources.warehouse.begin() as connection:
        known = {entry.partition for entry in find_entries(connection, config.name, "features", days)}
    problems = {}
    for day in days:
        tell(str(day))
        if day not in known:
            outcome = _ingest(config, resources, day)
            if outcome.status != "done":
                problems[day] = outcome.reason
    return problems


def _ingest(config: PipelineConfig, resources: Resources, day: date) -> Outcome:
    try:
        return run_ingest(config, resources, day, lambda step, outcome: None)
    except DataUnavailable as error:
        return Outcome("stopped", str(error))
