"""champion's training features against the last partitions -> drift figures, by column and in sum, and the report."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from nightshift.config.horizons import list_drift_days
from nightshift.config.pipeline import PipelineConfig
from nightshift.core.drift.result import ColumnDrift, DriftResult, conclude_drift
from nightshift.core.drift.window import Night, choose_nights, find_short_night
from nightshift.io.ledger.entries import find_entries
from nightshift.io.monitoring.validation_and_drift import record_drift, record_drift_columns
from nightshift.io.registry import find_champion
from nightshift.io.resources import Resources
from nightshift.steps.drift.columns import compare_columns
from nightshift.steps.drift.reference import Comparison, settle_comparison
from nightshift.steps.drift.reports import store_reports
from nightshift.steps.drift.scores import compare_scores
from nightshift.steps.outcome import Outcome


def compare_windows(config: PipelineConfig, resources: Resources, as_of: date, reports: bool = True) -> Outcome:
    """Measure how far the last partitions up to `as_of` have moved from what the champion was trained on.

    Skipped while there is no champion or no features. `drifted` is None where it can't be known. Figures: those of
    monitoring.drift, `champion_version`, `broken` (columns whose data are at fault) and `moved` (those that drifted).
    Without `reports` nothing is written to the lake.
    """
    first = as_of - timedelta(days=config.spec.drift.window_days - 1)
    days = list_drift_days(config.spec, as_of)
    with resources.warehouse.begin() as connection:
        champion = find_champion(connection, config.name)
        known = find_entries(connection, config.name, "features", days)
    if champion is None:
        return Outcome("skipped", f"{config.name} has no champion yet, so there is nothing to compare with")
    if not any(entry.partition >= first for entry in known):
        return Outcome("skipped", f"{config.name} has no features between {first} and {as_of}")
    nights = [Night(entry.partition, entry.ref.rows) for entry in known]
    entries = known[-choose_nights(nights, first, config.spec.drift.min_rows) :]
    short = find_short_night(nights)
    comparison = settle_comparison(config, resources, champion, entries)
    problems = [*([short] if short else []), *_find_few_rows(comparison)]
    compared = compare_scores(comparison, resources)
    columns = [*compare_columns(comparison), compared.column]
    if problems:
        columns = [_withdraw(column, problems[0]) for column in columns]
    uris = store_reports(config, resources, as_of, comparison.matched, columns, compared) if reports else (None, None)
    figures = {
        **_describe(comparison, columns, problems),
        "window_from": str(entries[0].partition),
        "window_to": str(as_of),
        "report_uri": uris[0],
        "report_json_uri": uris[1],
    }
    with resources.warehouse.begin() as connection:
        record_drift(connection, config.name, champion.version, figures)
        record_drift_columns(
            connection, config.name, as_of, champion.version, [column.to_record() for column in columns]
        )
    found = {"broken": [column.column_name for column in columns if column.broken], "moved": _list_moved(columns)}
    return Outcome("done", figures={**figures, "champion_version": champion.version, **found})


def _list_moved(columns: Sequence[ColumnDrift]) -> list[str]:
    """Columns that the champion uses, and the score, where they have drifted; also where that is not drift in sum."""
    return [
        column.column_name
        for column in columns
        if column.drifted and (column.weight > 0 or column.kind == "prediction")
    ]


def _describe(comparison: Comparison, columns: Sequence[ColumnDrift], problems: Sequence[str]) -> dict[str, Any]:
    """The figures of monitoring.drift that follow from the comparison."""
    verdict = conclude_drift(columns, comparison.limits, problems)
    return {
        "drifted": verdict.drifted,
        "share": verdict.share,
        "reason": _explain(verdict, comparison),
        "columns": {column.column_name: column.score for column in columns if column.kind != "prediction"},
        "prediction_score": next(column.score for column in columns if column.kind == "prediction"),
        "reference": comparison.reference.kind,
        "reference_rows": len(comparison.matched.reference),
        "current_rows": len(comparison.matched.current),
    }


def _find_few_rows(comparison: Comparison) -> list[str]:
    matched, least = comparison.matched, comparison.limits.min_rows
    sides = (("current window", matched.current), ("reference", matched.reference))
    return [f"the {side} has {len(rows)} rows, {least} are needed" for side, rows in sides if len(rows) < least]


def _withdraw(column: ColumnDrift, problem: str) -> ColumnDrift:
    """The figures stay, the verdict goes: what is wrong with all rows is wrong with the column's."""
    return column if column.drifted is None else replace(column, drifted=None, reason=f"unknown: {problem}")


def _explain(verdict: DriftResult, comparison: Comparison) -> str:
    left_out = comparison.matched.left_out
    left = f"{left_out} rows of weekdays or hours that the reference does not have are left out" if left_out else ""
    return "; ".join(filter(None, (verdict.reason, comparison.reference.note, left)))
