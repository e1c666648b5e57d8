"""Scores of the replayed nights + all outcomes -> the metric of every night, and of all of them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import numpy as np
from sqlalchemy import Connection

from nightshift.config.pipeline import PipelineConfig
from nightshift.core.evaluation.metrics import measure
from nightshift.core.retraining.replay import Night, Total, sum_up_metric
from nightshift.io.lake.parquet import fetch_table
from nightshift.io.ledger.entries import Entry, find_entries
from nightshift.io.resources import Resources
from nightshift.steps.labels import TARGET, read_targets

Outcomes = dict[date, tuple[np.ndarray, np.ndarray]]


def measure_nights(config: PipelineConfig, resources: Resources, nights: Sequence[Night]) -> tuple[list[Night], Total]:
    """The nights with their rows and metric, and the metric over all of them; a night without outcomes has none."""
    metric = config.spec.training.metric
    known = _read_outcomes(config, resources, [night.date for night in nights])
    measured = [_measure(metric, night, known[night.date]) if night.date in known else night for night in nights]
    targets, predicted = ([pair[side] for pair in known.values()] for side in (0, 1))
    return measured, sum_up_metric(metric, targets, predicted)


def _measure(metric: str, night: Night, known: tuple[np.ndarray, np.ndarray]) -> Night:
    value = measure(metric, *known)
    return replace(night, rows=len(known[0]), metric=value if np.isfinite(value) else None)


def _read_outcomes(config: PipelineConfig, resources: Resources, days: Sequence[date]) -> Outcomes:
    """Per day: target and score of the rows whose outcome is known, float64."""
    with resources.warehouse.begin() as connection:
        scores, valid = _find_scored(connection, config.name, days)
    known: Outcomes = {}
    for partition, targets in read_targets(config, resources, valid):
        keys = list(config.spec.keys)
        found = fetch_table(resources.lake, scores[partition].ref, [*keys, "score"]).to_pandas(date_as_object=False)
        joined = found.merge(targets.dropna(subset=[TARGET]), on=keys, how="inner")
        if len(joined):
            known[partition] = joined[TARGET].to_numpy(), joined["score"].to_numpy()
    return known


def _find_scored(connection: Connection, pipeline: str, days: Sequence[date]) -> tuple[dict[date, Entry], list[Entry]]:
    scores = {entry.partition: entry for entry in find_entries(connection, pipeline, "scores", days)}
    return scores, find_entries(connection, pipeline, "valid", list(scores))
