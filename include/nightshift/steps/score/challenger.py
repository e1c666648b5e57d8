"""The challenger: scored beside the champion every night, compared with it when the outcomes are known."""

import logging
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from nightshift.config.json_values import without_nan
from nightshift.config.pipeline import PipelineConfig
from nightshift.config.project import COMMAND
from nightshift.core.evaluation.metrics import measure_all
from nightshift.core.features.labels import match_outcomes
from nightshift.core.performance.challenger import Comparison, Pairs, compare_pairs
from nightshift.core.training.splits import find_matured
from nightshift.errors import TemporarilyUnavailable
from nightshift.io.lake.base import ObjectRef
from nightshift.io.ledger.entries import Entry, find_entries, find_entry
from nightshift.io.monitoring.performance import Performance, record_performance
from nightshift.io.registry import ModelVersion, find_challenger, find_champion
from nightshift.io.resources import Resources
from nightshift.io.scores.shadow import (
    Pairing,
    list_shadow_nights,
    make_shadow_schema,
    passed_serving_check,
    read_pairs,
    record_comparison,
    replace_shadow,
    stage_scores,
)
from nightshift.io.warehouse.locks import lock_partition
from nightshift.steps.labels import TARGET, read_targets
from nightshift.steps.outcome import Outcome
from nightshift.steps.score.plan import make_inputs
from nightshift.steps.score.stream import score_features

log = logging.getLogger(__name__)
# Compared at most, over all nights: enough to tell any difference that matters, little enough for memory and time.
MAX_ROWS = 100_000


class UnusableChallenger(Exception):
    """Its scores can't stand beside the published ones."""


def score_shadow(config: PipelineConfig, resources: Resources, partition: date) -> Outcome:
    """Score what was published with the challenger as well, into monitoring.shadow_scores.

    Skipped, with the reason, without a challenger, without published scores, and wherever the challenger fails: its
    faults must not fail the champion's night. Figures: model_version, champion_version, rows.
    """
    with resources.warehouse.begin() as connection:
        challenger = find_challenger(connection, config.name)
        published = find_entry(connection, config.name, partition, "scores")
        features = find_entry(connection, config.name, partition, "features")
        probed = challenger is not None and passed_serving_check(connection, config.name, challenger.version)
    where = f"{config.name} {partition}"
    if challenger is None:
        return Outcome("skipped", f"{config.name} has no challenger")
    if published is None or features is None:
        return Outcome("skipped", f"{where}: no published scores to compare the challenger's with")
    if published.model_version == challenger.version:
        return Outcome("skipped", f"{where}: the published scores are those of version {challenger.version} itself")
    if not probed:
        reason = "no gate has seen it load in a process of its own, so it is not loaded here"
        return Outcome("skipped", f"{where}: version {challenger.version} is not scored in the shadow: {reason}")
    try:
        rows = _write_shadow(config, resources, partition, challenger, features.ref)
    except TemporarilyUnavailable:
        raise
    except Exception as error:
        log.warning("the challenger failed", exc_info=True)
        return Outcome("skipped", f"{where}: version {challenger.version} is not scored in the shadow: {error}")
    figures = {"model_version": challenger.version, "champion_version": published.model_version, "rows": rows}
    return Outcome("done", figures=figures)


def _write_shadow(
    config: PipelineConfig, resources: Resources, partition: date, challenger: ModelVersion, features: ObjectRef
) -> int:
    """Stage, then replace the night in the same transaction; the lock is only held for the second."""
    schema = make_shadow_schema(config)

    def finish(batch: pa.RecordBatch, scores: np.ndarray) -> pa.RecordBatch:
        keys = [batch.column(name) for name in config.spec.keys]
        return pa.RecordBatch.from_arrays([*keys, pa.array(scores, pa.float64())], schema=schema)

    groups = score_features(config, resources, make_inputs(config, features, challenger), finish)
    with resources.warehouse.begin() as connection, closing(groups):
        stage_scores(connection, config, chain.from_iterable(groups))
        lock_partition(connection, config.name, partition)
        published = find_entry(connection, config.name, partition, "scores")
        paired = replace_shadow(connection, config, partition, challenger.version)
        if published is None or paired != published.ref.rows:
            known = published.ref.rows if published else 0
            raise UnusableChallenger(f"{paired} of {known} published rows have features now; score the partition again")
    return paired


def compare_challenger(config: PipelineConfig, resources: Resources, as_of: date) -> Outcome:
    """Compare on the matured outcomes of the nights that both scored, within the last training window.

    Only nights later than what either version was trained or evaluated on count: older ones would favour who knew them.
    Kept in monitoring.shadow_comparisons; the challenger's realised metrics go to monitoring.performance.
    Skipped without a challenger, or while no such night has matured.
    Figures: result, reason, and the columns of monitoring.shadow_comparisons.
    """
    with resources.warehouse.begin() as connection:
        challenger, champion = find_challenger(connection, config.name), find_champion(connection, config.name)
        if challenger is None or champion is None:
            return Outcome("skipped", f"{config.name} has no challenger")
        pairing = choose_nights(config, challenger, champion, as_of)
        nights = list_shadow_nights(connection, config.name, pairing)
        valid = find_entries(connection, config.name, "valid", nights)
    found = dict(_read_nights(config, resources, pairing, valid))
    if not found:
        who = f"challenger, version {challenger.version}, and champion, version {champion.version}"
        return Outcome("skipped", f"{config.name}: no day that {who}, both scored has an outcome yet")
    pairs = Pairs(*(np.concatenate(column) for column in zip(*map(_columns, found.items()), strict=True)))
    spec = config.spec
    comparison = compare_pairs(pairs, spec.training.metric, spec.gate, spec.training.seed)
    compared = _describe(comparison, pairing, min(found), max(found), spec.training.metric)
    with resources.warehouse.begin() as connection:
        record_comparison(connection, config.name, compared)
        realised = [
            Performance(
                night,
                challenger.version,
                "realised",
                measure_all(spec.metrics, rows[TARGET].to_numpy(), rows["challenger"].to_numpy()),
                len(rows),
            )
            for night, rows in found.items()
        ]
        record_performance(connection, config.name, realised)
    reason = explain(config, compared)
    return Outcome("done", reason, {**_as_plain(compared), "reason": reason})


def choose_nights(config: PipelineConfig, challenger: ModelVersion, champion: ModelVersion, as_of: date) -> Pairing:
    """The nights that may count: matured by `as_of`, at most a training window old, and news to both versions."""
    last = find_matured(as_of, config.spec.label.available_after_days)
    oldest = last - timedelta(days=config.spec.training.window_days - 1)
    unseen = max(challenger.holdout_to, champion.holdout_to) + timedelta(days=1)
    return Pairing(challenger.version, champion.version, max(oldest, unseen), last)


def _read_nights(
    config: PipelineConfig, resources: Resources, pairing: Pairing, valid: list[Entry]
) -> Iterator[tuple[date, pd.DataFrame]]:
    """Per night: both scores and `__target` of a seeded share of the rows whose outcome is known."""
    most, seed = MAX_ROWS // max(1, len(valid)), config.spec.training.seed
    for night, targets in read_targets(config, resources, valid):
        with resources.warehouse.begin() as connection:
            pairs = read_pairs(connection, config, pairing, night, most, seed).to_pandas(date_as_object=False)
        pairs[TARGET] = match_outcomes(pairs, targets, config.spec.keys, TARGET)
        joined = pairs.dropna(subset=[TARGET])
        if len(joined):
            yield night, joined


def _columns(item: tuple[date, pd.DataFrame]) -> tuple[np.ndarray, ...]:
    night, rows = item
    columns = [rows[name].to_numpy("float64") for name in (TARGET, "challenger", "champion")]
    return (*columns, np.full(len(rows), np.datetime64(night, "D")))


def _describe(comparison: Comparison, pairing: Pairing, first: date, last: date, metric: str) -> dict[str, Any]:
    """The columns of monitoring.shadow_comparisons."""
    return {
        "window_from": first,
        "window_to": last,
        "model_version": pairing.challenger,
        "champion_version": pairing.champion,
        "metric": metric,
        "rows": comparison.rows,
        "challenger": comparison.challenger,
        "champion": comparison.champion,
        "gain": comparison.gain.value,
        "gain_low": comparison.gain.low,
        "gain_high": comparison.gain.high,
        "result": comparison.verdict,
    }


def explain(config: PipelineConfig, compared: dict[str, Any]) -> str:
    """What was found, in words, and what to do."""
    challenger, champion = compared["model_version"], compared["champion_version"]
    gate = config.spec.gate
    figures = (
        f"{compared['metric']} {compared['challenger']:.4f} against {compared['champion']:.4f} on {compared['rows']:,} "
        f"rows from {compared['window_from']} to {compared['window_to']}, gain {compared['gain']:+.4f} "
        f"({gate.confidence:.0%} interval {compared['gain_low']:+.4f} to {compared['gain_high']:+.4f})"
    )
    promote = f"{COMMAND} promote {config.name} {challenger} --reason …"
    few = f" {gate.min_rows:,} rows are needed." if compared["rows"] < gate.min_rows else ""
    found = {
        "better": f"is better than champion {champion}: {figures}. To promote it: {promote}",
        "worse": f"is worse than champion {champion}: {figures}. Nothing to do: the champion is kept.",
        "unclear": f"can't be told apart from champion {champion} yet: {figures}.{few} Wait for more days.",
    }
    return f"{config.name}: challenger {challenger} {found[compared['result']]}"


def _as_plain(compared: dict[str, Any]) -> dict[str, Any]:
    plain = {key: str(value) if isinstance(value, date) else value for key, value in compared.items()}
    figures: dict[str, Any] = without_nan(plain)
    return figures
