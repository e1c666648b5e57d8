"""Typed rows -> features. Point in time: nothing here can see what was not known when the row is scored."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import numpy as np
import pandas as pd

from nightshift.config.pipeline import PipelineSpec
from nightshift.config.sections.features import (
    CalendarFeature,
    ClockFeature,
    DifferenceFeature,
    RatioFeature,
    ReferenceTable,
    RollingFeature,
)
from nightshift.core.features.user_function import UserFunction, call_user_function

PARTITION = "partition_date"
ROLLING_WINDOW = "__rolling"


def list_lookback(spec: PipelineSpec, partition: date) -> list[date]:
    """The earlier partitions that the features of `partition` read, oldest first."""
    return [partition - timedelta(days=back) for back in range(spec.lookback, 0, -1)]


def build_features(
    rows: pd.DataFrame,
    history: pd.DataFrame,
    tables: Mapping[str, pd.DataFrame],
    spec: PipelineSpec,
    partition: date,
    user_function: UserFunction | None = None,
) -> pd.DataFrame:
    """One row per key: the keys, then every feature, numeric ones as float64 (no infinities), sorted by key.

    `history` holds earlier partitions' typed rows with `partition_date`. ValueError where a feature is not there.
    """
    rolled = {f.name: roll_feature(rows, history, spec, partition, f) for f in spec.features.rolling}
    known = rows.drop(columns=[name for name in spec.afterwards if name in rows])
    for name, table in tables.items():
        known = join_table(known, table, spec.features.tables[name])
    for feature in spec.features.derived:
        known[feature.name] = rolled[feature.name] if isinstance(feature, RollingFeature) else derive(known, feature)
    if user_function is not None:
        known = call_user_function(user_function, known, history, spec.keys)
    missing = [name for name in spec.features.names if name not in known]
    if missing:
        raise ValueError(f"features {', '.join(missing)} come neither from columns, tables, derived nor features.py")
    return _select_and_sort(known, spec)


def _select_and_sort(known: pd.DataFrame, spec: PipelineSpec) -> pd.DataFrame:
    features = known[list(spec.keys)].copy()
    for name in spec.features.numeric:
        if name not in features:
            features[name] = _take_numbers(known[name])
    for name in spec.features.categorical:
        if name not in features:
            features[name] = known[name].map(_to_text, na_action="ignore").astype(object)
    return features.sort_values(list(spec.keys), kind="stable", ignore_index=True)


def _take_numbers(values: pd.Series) -> pd.Series:
    """As float64, without infinities; ValueError for text, which would silently become missing."""
    numbers = pd.to_numeric(values, errors="coerce").astype("float64")
    lost = numbers.isna() & values.notna()
    if lost.any():
        example = values[lost].iloc[0]
        raise ValueError(
            f"the numeric feature {values.name} has {example!r} in {int(lost.sum()):,} of {len(values):,} rows, which "
            "is no number; make it one, or list the feature under features.categorical"
        )
    return numbers.replace([np.inf, -np.inf], np.nan)


def _to_text(value: object) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def join_table(rows: pd.DataFrame, table: pd.DataFrame, spec: ReferenceTable) -> pd.DataFrame:
    """Look the rows up in a reference table; a key that is not there gives missing values. Rows stay as they are."""
    wanted = table[[spec.key, *spec.columns]].drop_duplicates(subset=spec.key, keep="first")
    wanted = wanted.set_index(spec.key).rename(columns=spec.columns)
    return rows.join(wanted, on=spec.column)


def derive(rows: pd.DataFrame, feature: CalendarFeature | ClockFeature | DifferenceFeature | RatioFeature) -> pd.Series:
    """A feature that needs only its own row."""
    match feature:
        case CalendarFeature():
            return _take_part(pd.to_datetime(rows[feature.column]), feature.part)
        case ClockFeature():
            clock = pd.to_numeric(rows[feature.column], errors="coerce")
            return (clock // 100 * 60 + clock % 100) % 1440
        case DifferenceFeature():
            return _number(rows, feature.left) - _number(rows, feature.right)
        case RatioFeature():
            denominator = _number(rows, feature.denominator)
            return _number(rows, feature.numerator) / denominator.where(denominator != 0)


def _number(rows: pd.DataFrame, name: str) -> pd.Series:
    return pd.to_numeric(rows[name], errors="coerce").astype("float64")


def _take_part(moments: pd.Series, part: str) -> pd.Series:
    if part == "minute_of_day":
        return moments.dt.hour * 60 + moments.dt.minute
    if part == "is_weekend":
        return (moments.dt.weekday >= 5).astype("float64").where(moments.notna())
    taken: pd.Series = getattr(moments.dt, "dayofyear" if part == "day_of_year" else part)
    return taken


def roll_feature(
    rows: pd.DataFrame, history: pd.DataFrame, spec: PipelineSpec, partition: date, feature: RollingFeature
) -> pd.Series:
    """The statistic over the window's rows with the same `by` values; missing where the window holds none."""
    if history.empty:
        return pd.Series(np.nan, index=rows.index)
    newest = partition - timedelta(days=spec.find_lag(feature))
    oldest = newest - timedelta(days=feature.days - 1)
    window = history[(history[PARTITION] >= oldest) & (history[PARTITION] <= newest)]
    values = _number(window, feature.column)
    if feature.share_from is not None:
        values = (values >= feature.share_from).astype("float64").where(values.notna())
    if not feature.by:
        return pd.Series(values.agg(feature.statistic) if values.notna().any() else np.nan, index=rows.index)
    grouped = values.groupby([window[name] for name in feature.by]).agg(feature.statistic).rename(ROLLING_WINDOW)
    return rows[list(feature.by)].join(grouped, on=list(feature.by))[ROLLING_WINDOW]


def keep_outcomes(rows: pd.DataFrame, outcomes: pd.DataFrame, spec: PipelineSpec) -> pd.DataFrame:
    """The rows of a day with what `outcomes`, a row per key, now say of them; what is not there is missing."""
    names = [name for name in rows.columns if name in spec.afterwards and name in outcomes.columns]
    keys = list(spec.keys)
    known = rows[keys].merge(outcomes[[*keys, *names]], on=keys, how="left", validate="many_to_one")
    return rows.assign(**{name: known[name].to_numpy() for name in names})


def hide_unmatured(history: pd.DataFrame, spec: PipelineSpec, partition: date) -> pd.DataFrame:
    """The history without what was known only afterwards, in the partitions that have not matured."""
    names = [name for name in history.columns if name in spec.afterwards]
    hidden = history[PARTITION] > spec.find_last_known(partition)
    return history.assign(**{name: history[name].mask(hidden) for name in names}) if hidden.any() else history


def concat_history(parts: Sequence[tuple[date, pd.DataFrame]]) -> pd.DataFrame:
    """Earlier partitions' rows as one frame with `partition_date`."""
    if not parts:
        return pd.DataFrame({PARTITION: []})
    return pd.concat([frame.assign(**{PARTITION: day}) for day, frame in parts], ignore_index=True)


def has_hours(spec: PipelineSpec) -> bool:
    """Whether the time of an event says its hour."""
    return spec.event_time is not None and spec.columns[spec.event_time] == "timestamp"


def take_hours(rows: pd.DataFrame, known: pd.DataFrame, spec: PipelineSpec) -> np.ndarray:
    """The hour of the event of each of `rows`, looked up by key among the typed rows `known`: float64, NaN: missing."""
    keys = list(spec.keys)
    times = known[keys].assign(__time=pd.to_datetime(known[spec.event_time]).dt.hour)
    return rows[keys].merge(times, on=keys, how="left")["__time"].to_numpy("float64")
