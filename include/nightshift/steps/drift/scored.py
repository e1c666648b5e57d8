"""What was scored, beside what came true: the rows that performance is measured on."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from itertools import groupby

import numpy as np
import pandas as pd

from nightshift.config.pipeline import PipelineConfig
from nightshift.core.evaluation.metrics import measure_all
from nightshift.core.features.labels import match_outcomes
from nightshift.core.performance.estimates import estimate_all
from nightshift.errors import DataUnavailable
from nightshift.io.lake.parquet import fetch_table, release_memory
from nightshift.io.ledger.entries import find_entries
from nightshift.io.ledger.history import ScoredVersion
from nightshift.io.monitoring.performance import Performance
from nightshift.io.resources import Resources
from nightshift.steps.labels import TARGET, Outcomes, read_outcomes

NO_ROWS = np.empty(0)
# Of a night with more rows, so many stay for the band, or as many as it asks for; the night's own metrics are of all.
BAND_ROWS = 200_000
# A replay asks for the same few nights again and again; so many of them are kept, unless they are large.
KEPT_NIGHTS, KEPT_ROWS = 128, 20_000


@dataclass(frozen=True)
class ScoredNight:
    """One version's scores of one partition, and those of them whose outcome is known, with it.

    The arrays are float64 of shape (rows,), thinned out where the night is large.
    """

    scored: ScoredVersion
    # How many were scored.
    rows: int
    # Where outcomes were not asked for; with outcomes `predicted` has what is needed of them.
    scores: np.ndarray = field(default_factory=lambda: NO_ROWS)
    target: np.ndarray = field(default_factory=lambda: NO_ROWS)
    predicted: np.ndarray = field(default_factory=lambda: NO_ROWS)
    # The realised metrics; None without a known outcome.
    realised: Performance | None = None
    # What the scores alone promise; None for regression.
    estimated: Performance | None = None
    # Why the outcomes can't be read yet; empty where they were read, or were not asked for.
    absent: str = ""

    @property
    def partition(self) -> date:
        """The partition that was scored."""
        return self.scored.partition


# By everything that a night is made from: configuration, scores, outcomes.
NightKey = tuple[str, date, int, str, str]
_kept: dict[NightKey, ScoredNight] = {}


def read_unmatured(config: PipelineConfig, resources: Resources, scored: Sequence[ScoredVersion]) -> list[ScoredNight]:
    """The scores alone, and what they promise."""
    found = (_keep(config, entry, "", partial(_read_scores, config, resources, entry)) for entry in scored)
    return [night for night in found if night]


def read_matured(config: PipelineConfig, resources: Resources, scored: Sequence[ScoredVersion]) -> list[ScoredNight]:
    """The scores joined with the outcomes that their source has now; `scored` is sorted by partition."""
    by_day = {day: list(entries) for day, entries in groupby(scored, key=lambda entry: entry.partition)}
    if not by_day:
        return []
    with resources.warehouse.begin() as connection:
        valid = find_entries(connection, config.name, "valid", by_day)
    nights: list[ScoredNight] = []
    for outcomes in read_outcomes(config, resources, valid):
        nights += _join_versions(config, resources, by_day[outcomes.partition], outcomes)
    return sorted(nights, key=lambda night: (night.partition, night.scored.version))


def _join_versions(
    config: PipelineConfig, resources: Resources, scored: Sequence[ScoredVersion], outcomes: Outcomes
) -> Iterator[ScoredNight]:
    digest = outcomes.hash()
    for entry in scored:
        night = _keep(config, entry, digest, partial(_join, config, resources, entry, outcomes))
        if night:
            yield replace(night, absent=outcomes.absent)


def _keep(
    config: PipelineConfig, scored: ScoredVersion, digest: str, make: Callable[[], ScoredNight | None]
) -> ScoredNight | None:
    """The night as it was made before from the very same things, or as it is made now."""
    # Scores without rows have the same bytes on every night.
    key = (config.config_sha256, scored.partition, scored.version, scored.ref.sha256, digest)
    night = _kept.pop(key, None) or make()
    if night and night.rows <= KEPT_ROWS:
        _kept[key] = night
        if len(_kept) > KEPT_NIGHTS:
            del _kept[next(iter(_kept))]
    return replace(night, scored=scored) if night else None


def _read_scores(config: PipelineConfig, resources: Resources, scored: ScoredVersion) -> ScoredNight | None:
    rows = _fetch(resources, scored, ["score"])
    if rows is None:
        return None
    scores = rows["score"].to_numpy("float64")
    return replace(_make_night(config, scored, scores), scores=_thin_out(config, scores))


def _join(
    config: PipelineConfig, resources: Resources, scored: ScoredVersion, outcomes: Outcomes
) -> ScoredNight | None:
    found = _read_pairs(config, resources, scored, outcomes)
    if found is None:
        return None
    night, target, predicted = found
    if not len(target):
        return night
    metrics = measure_all(config.spec.metrics, target, predicted)
    realised = Performance(scored.partition, scored.version, "realised", metrics, len(target))
    target, predicted = _thin_out(config, target), _thin_out(config, predicted)
    return replace(night, target=target, predicted=predicted, realised=realised)


def _read_pairs(
    config: PipelineConfig, resources: Resources, scored: ScoredVersion, outcomes: Outcomes
) -> tuple[ScoredNight, np.ndarray, np.ndarray] | None:
    """The night without outcomes; outcome and score of each row whose outcome is known, shape (rows,).

    What they are made from is let go of at the end: the metrics need the memory.
    """
    rows = _fetch(resources, scored, [*config.spec.keys, "score"])
    if rows is None:
        return None
    target, scores = match_outcomes(rows, outcomes.targets, config.spec.keys, TARGET), rows["score"].to_numpy("float64")
    known = ~np.isnan(target)
    release_memory()
    return _make_night(config, scored, scores), target[known], scores[known]


def _thin_out(config: PipelineConfig, values: np.ndarray) -> np.ndarray:
    """What the band sees of them, evenly spread; of two arrays of the same length it is of the same rows."""
    most = max(BAND_ROWS, config.spec.retrain.performance.min_rows)
    # A copy: a view would keep all of them.
    return values if len(values) <= most else values[:: -(-len(values) // most)].copy()


def _make_night(config: PipelineConfig, scored: ScoredVersion, scores: np.ndarray) -> ScoredNight:
    metrics = estimate_all(config.spec.metrics, scores)
    if not metrics:
        return ScoredNight(scored, len(scores))
    estimated = Performance(scored.partition, scored.version, "estimated", metrics, len(scores))
    return ScoredNight(scored, len(scores), estimated=estimated)


def _fetch(resources: Resources, scored: ScoredVersion, columns: list[str]) -> pd.DataFrame | None:
    """These columns of the scores; None where they were replaced and are no longer kept."""
    try:
        return fetch_table(resources.lake, scored.ref, columns).to_pandas(date_as_object=False)
    except DataUnavailable:
        if scored.visible:
            raise
        return None
