"""champion's training features against the last partitions -> drift figures and report."""

import tempfile
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from include.config.pipeline import PipelineConfig
from include.core.retrain_policy import DriftVerdict, judge_drift
from include.core.training import sample_rows
from include.io.drift_report import DriftMeasurement, measure_drift
from include.io.lake import make_attempt_id, make_key
from include.io.ledger import Entry, find_entries
from include.io.monitoring import record_drift
from include.io.registry import ModelVersion, find_champion
from include.io.resources import Resources
from include.io.tables import fetch_table
from include.steps.outcome import Outcome


def compare_windows(config: PipelineConfig, resources: Resources, as_of: date) -> Outcome:
    """Measure how far the last partitions up to `as_of` have moved from what the champion was trained on.

    Skipped while there is no champion or no features. Figures: those of monitoring.drift, champion_version.
    """
    first = as_of - timedelta(days=config.spec.drift.window - 1)
    days = [first + timedelta(days=offset) for offset in range(config.spec.drift.window)]
    with resources.warehouse.begin() as connection:
        champion = find_champion(connection, config.name)
        entries = find_entries(connection, config.name, "features", days)
    if champion is None:
        return Outcome("skipped", f"{config.name} has no champion yet, so there is nothing to compare with")
    if not entries:
        return Outcome("skipped", f"{config.name} has no features between {first} and {as_of}")
    reference = fetch_table(resources.lake, champion.reference).to_pandas()
    current = _sample_window(config, resources, entries)
    measured = _compare(config, resources, champion, reference, current, as_of)
    measured |= {"window_from": str(entries[0].partition), "window_to": str(as_of)}
    with resources.warehouse.begin() as connection:
        record_drift(connection, config.name, champion.version, measured)
    return Outcome("done", figures={**measured, "champion_version": champion.version})


def _sample_window(config: PipelineConfig, resources: Resources, entries: list[Entry]) -> pd.DataFrame:
    """An equal, seeded share of every partition, so that one large night can't outvote the others."""
    share = config.spec.drift.sample_rows // len(entries)
    parts = []
    for entry in entries:
        rows = fetch_table(resources.lake, entry.ref).to_pandas(date_as_object=False)
        parts.append(rows.iloc[sample_rows(len(rows), share, config.spec.training.seed)])
    return pd.concat(parts, ignore_index=True)


def _compare(
    config: PipelineConfig,
    resources: Resources,
    champion: ModelVersion,
    reference: pd.DataFrame,
    current: pd.DataFrame,
    as_of: date,
) -> dict[str, Any]:
    limits = config.spec.drift
    with tempfile.TemporaryDirectory(prefix="nightshift-") as folder:
        html, json = Path(folder) / "drift.html", Path(folder) / "drift.json"
        measurement = measure_drift(
            reference,
            current,
            champion.features["numeric"],
            champion.features["categorical"],
            limits.column_limit,
            html,
            json,
        )
        attempt = make_attempt_id()
        uris = [
            resources.lake.put_file(make_key("reports", config.name, as_of, attempt, f".{path.name}"), path)
            for path in (html, json)
        ]
    verdict = _explain(judge_drift(measurement.scores, limits, len(reference), len(current)), measurement)
    return {
        "drifted": verdict.drifted,
        "share": verdict.share,
        "reason": verdict.reason,
        "columns": measurement.scores,
        "reference_rows": len(reference),
        "current_rows": len(current),
        "report_uri": uris[0],
        "report_json_uri": uris[1],
    }


def _explain(verdict: DriftVerdict, measurement: DriftMeasurement) -> DriftVerdict:
    if verdict.drifted is not None or not measurement.failures:
        return verdict
    why = "; ".join(f"{name} is {reason}" for name, reason in measurement.failures.items())
    return replace(verdict, reason=f"{verdict.reason} ({why})")
