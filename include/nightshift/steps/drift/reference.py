"""What a drift run compares, settled once: the window with the champion's own sample, mixed alike or a year earlier."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd

from nightshift.config.horizons import list_season_days
from nightshift.config.pipeline import PipelineConfig
from nightshift.config.sections.drift import Drift
from nightshift.core.features.sampling import match_mix
from nightshift.io.lake.parquet import fetch_table
from nightshift.io.ledger.entries import Entry, find_entries
from nightshift.io.registry import ModelVersion
from nightshift.io.resources import Resources
from nightshift.steps.ingest.samples import HELD_OUT, HOUR, sample_entries
from nightshift.steps.labels import PARTITION


@dataclass(frozen=True)
class Reference:
    """The rows of `fitted` are compared by column, those of `held` (None: there are none) by score.

    `kind` is what was used, and `note` says where that is not what was asked for.
    """

    kind: str
    fitted: pd.DataFrame
    held: pd.DataFrame | None
    note: str = ""

    @property
    def seasonal(self) -> bool:
        """Whether its rows are no part of what the champion learned from, so that it can score them."""
        return self.kind == "season"


@dataclass(frozen=True)
class Matched:
    """Rows of the reference mixed as the window, and the rows of the window that have a counterpart."""

    reference: pd.DataFrame
    current: pd.DataFrame
    left_out: int = 0


@dataclass(frozen=True)
class Comparison:
    """The champion, its reference, a sample of the window's rows, and both sides mixed alike."""

    champion: ModelVersion
    reference: Reference
    window: pd.DataFrame
    matched: Matched
    task: str
    limits: Drift
    seed: int


def settle_comparison(
    config: PipelineConfig, resources: Resources, champion: ModelVersion, entries: Sequence[Entry]
) -> Comparison:
    """Read both sides; `entries` are the features of the window's days, in their order."""
    limits, seed = config.spec.drift, config.spec.training.seed
    reference = choose_reference(config, resources, champion, entries[0].partition, entries[-1].partition)
    window = sample_entries(resources.lake, entries, champion.feature_names, limits.sample_rows, seed)
    matched = match_rows(reference, reference.fitted, window, seed)
    return Comparison(champion, reference, window, matched, config.spec.task, limits, seed)


def choose_reference(
    config: PipelineConfig, resources: Resources, champion: ModelVersion, first: date, last: date
) -> Reference:
    """The reference that pipeline.yaml asks for, or the training sample where that can't be had.

    `first` and `last` are the days of the window.
    """
    sample = fetch_table(resources.lake, champion.reference).to_pandas(date_as_object=False)
    own = _split(sample)
    match config.spec.drift.reference:
        case "weekday" if PARTITION in sample:
            return replace(own, kind="weekday")
        case "weekday":
            return replace(own, note="the reference of this version does not know its days, so they are not matched")
        case "season":
            return _find_season(config, resources, champion, first, last) or replace(
                own, note="there are too few features of the same days a year earlier, so the training sample is used"
            )
    return own


def _split(sample: pd.DataFrame) -> Reference:
    if HELD_OUT not in sample:
        return Reference("training", sample, None)
    held = sample[HELD_OUT].to_numpy(bool)
    return Reference("training", sample[~held].reset_index(drop=True), sample[held].reset_index(drop=True))


def _find_season(
    config: PipelineConfig, resources: Resources, champion: ModelVersion, first: date, last: date
) -> Reference | None:
    days = list_season_days(first, last)
    with resources.warehouse.begin() as connection:
        entries = find_entries(connection, config.name, "features", days)
    limits = config.spec.drift
    if sum(entry.ref.rows for entry in entries) < limits.min_rows:
        return None
    rows = sample_entries(
        resources.lake, entries, champion.feature_names, limits.sample_rows, config.spec.training.seed
    )
    return Reference("season", rows, rows)


def match_rows(reference: Reference, rows: pd.DataFrame, current: pd.DataFrame, seed: int) -> Matched:
    """`rows` of the reference as they are, or mixed by weekday, and hour where both sides know it."""
    if reference.kind != "weekday":
        return Matched(rows, current)
    timed = HOUR in rows and HOUR in current
    chosen, kept = match_mix(_find_strata(rows, timed), _find_strata(current, timed), seed)
    return Matched(rows.iloc[chosen], current[kept], int((~kept).sum()))


def _find_strata(rows: pd.DataFrame, timed: bool) -> np.ndarray:
    weekday = rows[PARTITION].dt.weekday.to_numpy()
    return np.asarray(weekday * 25 + rows[HOUR].fillna(24).to_numpy("int64") if timed else weekday)
