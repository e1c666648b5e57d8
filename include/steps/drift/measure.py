"""scores + matured outcomes -> how good the scores of those nights were."""

from datetime import date, timedelta

from include.config.pipeline import PipelineConfig
from include.core.evaluation import measure_all
from include.core.splits import find_matured
from include.io.ledger import Entry, find_entries
from include.io.monitoring import record_performance, without_nan
from include.io.resources import Resources
from include.io.tables import fetch_table
from include.steps.labels import TARGET, read_targets
from include.steps.outcome import Outcome


def measure_performance(config: PipelineConfig, resources: Resources, as_of: date) -> Outcome:
    """Realised metrics of the scored partitions that matured within the last drift window. Figures: partitions."""
    matured = find_matured(as_of, config.spec.label.available_after)
    days = [matured - timedelta(days=back) for back in range(config.spec.drift.window)]
    with resources.warehouse.begin() as connection:
        scores = {entry.partition: entry for entry in find_entries(connection, config.name, "scores", days)}
        valid = [e for e in find_entries(connection, config.name, "valid", days) if e.partition in scores]
    measured = {}
    for partition, targets in read_targets(config, resources, valid):
        entry = scores[partition]
        found = fetch_table(resources.lake, entry.ref).to_pandas(date_as_object=False)
        joined = found.merge(targets.dropna(subset=[TARGET]), on=list(config.spec.keys), how="inner")
        if len(joined):
            values = measure_all(config.spec.task, joined[TARGET].to_numpy(), joined["score"].to_numpy())
            measured[partition] = (entry, values, len(joined))
    _record(config, resources, measured)
    figures = {str(day): {"rows": rows, **without_nan(values)} for day, (_, values, rows) in measured.items()}
    return Outcome("done", figures={"partitions": figures})


def _record(
    config: PipelineConfig, resources: Resources, measured: dict[date, tuple[Entry, dict[str, float], int]]
) -> None:
    with resources.warehouse.begin() as connection:
        for partition, (entry, values, rows) in measured.items():
            record_performance(connection, config.name, partition, entry.model_version or 0, values, rows)
