"""scores + matured outcomes -> how good the scores of those nights were, and are expected to be."""

import math
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from nightshift.config.horizons import REACH_DAYS, find_first_measured
from nightshift.config.json_values import without_nan
from nightshift.config.pipeline import PipelineConfig
from nightshift.core.performance.estimates import check_estimated_tolerance, check_estimates
from nightshift.core.performance.tolerance import Night, ToleranceResult, check_tolerance, find_limit
from nightshift.core.training.splits import find_matured
from nightshift.extension.metrics import METRICS
from nightshift.io.ledger.history import ScoredVersion, list_scored_versions
from nightshift.io.monitoring.performance import (
    forget_realised,
    list_estimate_errors,
    list_realised,
    record_performance,
)
from nightshift.io.registry import ModelVersion, find_champion
from nightshift.io.resources import Resources
from nightshift.steps.drift.scored import ScoredNight, read_matured, read_unmatured
from nightshift.steps.outcome import Outcome


def measure_performance(config: PipelineConfig, resources: Resources, as_of: date) -> Outcome:
    """Join what was scored with the outcomes known now; keep realised and estimated metrics of every version.

    Outcomes are read again for the last max(retrain.performance.window_days, label.revised_for_days) matured days,
    and for up to 31 where none came yet or the champion has too few rows. The reason says why outcomes are absent.
    Figures: partitions (realised metrics by day, of the scores that the day shows), without_outcomes (days whose
    outcomes are absent), realised and estimated (the champion against its band, as ToleranceResult.to_record, or None).
    """
    matured = find_matured(as_of, config.spec.label.available_after_days)
    first = find_first_measured(config.spec, matured)
    with resources.warehouse.begin() as connection:
        champion = find_champion(connection, config.name)
        scored = list_scored_versions(connection, config.name, first, as_of)
        known = list_realised(connection, config.name, first, matured)
    nights = _read_again(config, resources, champion, [e for e in scored if e.partition <= matured], known, matured)
    oldest = max(matured, as_of - timedelta(days=REACH_DAYS))
    unmatured = read_unmatured(config, resources, [e for e in scored if e.partition > oldest])
    _record(config, resources, nights, unmatured)
    figures = {
        "partitions": _describe_days(nights),
        "without_outcomes": sorted({str(night.partition) for night in nights if night.absent}),
        "realised": _to_record(_judge_realised(config, champion, nights)),
        "estimated": _to_record(_judge_estimated(config, resources, champion, unmatured, matured)),
    }
    return Outcome("done", _explain_absent(nights), figures)


def _count_recent(config: PipelineConfig) -> int:
    return max(config.spec.retrain.performance.window_days, config.spec.label.revised_for_days)


def _read_again(
    config: PipelineConfig,
    resources: Resources,
    champion: ModelVersion | None,
    scored: Sequence[ScoredVersion],
    known: set[tuple[date, int]],
    matured: date,
) -> list[ScoredNight]:
    """The recent nights, those without any outcome yet, and the champion's older ones where its band needs them."""
    recent = matured - timedelta(days=_count_recent(config) - 1)
    wanted = [e for e in scored if e.partition >= recent or (e.partition, e.version) not in known]
    nights = read_matured(config, resources, wanted)
    if champion is None:
        return nights
    if sum(len(n.target) for n in _choose_own(champion, nights)) >= config.spec.retrain.performance.min_rows:
        return nights
    older = [e for e in scored if e not in wanted and _is_own(champion, e)]
    return sorted(read_matured(config, resources, older) + nights, key=lambda night: night.partition)


def _record(
    config: PipelineConfig, resources: Resources, nights: Sequence[ScoredNight], unmatured: Sequence[ScoredNight]
) -> None:
    found = [
        figures
        for night in (*nights, *unmatured)
        for figures in (night.realised, night.estimated)
        if figures is not None
    ]
    # Where outcomes can't be had, what they said before still stands; where they were taken back, it does not.
    gone = [(n.partition, n.scored.version) for n in nights if not n.realised and not n.absent]
    with resources.warehouse.begin() as connection:
        forget_realised(connection, config.name, gone)
        record_performance(connection, config.name, found)


def _judge_realised(
    config: PipelineConfig, champion: ModelVersion | None, nights: Sequence[ScoredNight]
) -> ToleranceResult | None:
    if champion is None:
        return None
    spec = config.spec
    own = [Night(night.partition, night.target, night.predicted) for night in _choose_own(champion, nights)]
    promised, rows = _find_promise(config, champion)
    return check_tolerance(own, spec.training.metric, promised, rows, spec.retrain.performance, spec.training.seed)


def _judge_estimated(
    config: PipelineConfig,
    resources: Resources,
    champion: ModelVersion | None,
    unmatured: Sequence[ScoredNight],
    matured: date,
) -> ToleranceResult | None:
    metric, band = config.spec.training.metric, config.spec.retrain.performance
    if champion is None or METRICS.find(metric).estimate is None or not band.estimated:
        return None
    promised, rows = _find_promise(config, champion)
    unseen = champion.holdout_to + timedelta(days=1)
    with resources.warehouse.begin() as connection:
        errors = list_estimate_errors(
            connection, config.name, champion.version, metric, unseen, matured, max(band.window_days, 3)
        )
    margin = abs(find_limit(metric, promised, band.tolerance) - promised)
    check = check_estimates([found.error for found in errors], margin)
    own = [Night(night.partition, night.scores, night.scores) for night in _choose_own(champion, unmatured)]
    return check_estimated_tolerance(own, metric, promised, rows, band, check)


def _is_own(champion: ModelVersion, scored: ScoredVersion) -> bool:
    """The champion's own scores of a day that it was neither fitted nor evaluated on: others favour it."""
    return scored.version == champion.version and scored.partition > champion.holdout_to


def _choose_own(champion: ModelVersion, nights: Sequence[ScoredNight]) -> list[ScoredNight]:
    return [night for night in nights if _is_own(champion, night.scored)]


def _find_promise(config: PipelineConfig, champion: ModelVersion) -> tuple[float, int]:
    """The champion's held-out metric, NaN where it has none, and its rows."""
    value = champion.metrics.get(config.spec.training.metric)
    return math.nan if value is None else float(value), int(champion.metrics.get("holdout_rows", 0))


def _to_record(verdict: ToleranceResult | None) -> dict[str, Any] | None:
    record: dict[str, Any] | None = without_nan(verdict.to_record()) if verdict else None
    return record


def _describe_days(nights: Sequence[ScoredNight]) -> dict[str, dict[str, Any]]:
    """Of the scores that each day shows: rows with an outcome, scores without one, realised metrics."""
    return {
        str(night.partition): {
            "rows": night.realised.rows,
            "without_outcome": night.rows - night.realised.rows,
            "model_version": night.scored.version,
            **without_nan(night.realised.metrics),
        }
        for night in nights
        if night.scored.visible and night.realised
    }


def _explain_absent(nights: Sequence[ScoredNight]) -> str:
    """Which nights' outcomes can't be had yet, and why; empty where all could be read."""
    absent = {night.partition: night.absent for night in nights if night.absent}
    if not absent:
        return ""
    days = ", ".join(str(day) for day in absent)
    return f"no outcomes yet for {days}: {next(iter(absent.values()))}"
