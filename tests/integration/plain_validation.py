"""Validation as plain as can be: the whole day in one frame. What goes column by column must come to the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import great_expectations as gx
import numpy as np
import pandas as pd
import pyarrow as pa

from nightshift.config.arrow_types import ARROW_TYPES
from nightshift.config.expectations import Expectation
from nightshift.config.pipeline import PipelineConfig
from nightshift.core.batch.casting import type_columns
from nightshift.core.batch.quarantine import REASON_COLUMN
from nightshift.io.vendors.great_expectations import ExpectationResult, build_expectation


@dataclass(frozen=True)
class Plain:
    """What a day comes to: rows that go on, rows that don't with their reasons, and the figures."""

    valid: pa.Table
    quarantine: pa.Table
    figures: dict[str, int]


def run_whole(frame: pd.DataFrame, expectations: Sequence[Expectation]) -> list[Any]:
    """Great Expectations' own results, in order: one suite over the whole frame, by its public way."""
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    asset = context.data_sources.add_pandas("source").add_dataframe_asset("rows")
    batch = asset.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": frame})
    built = [build_expectation(item) for item in expectations]
    for position, item in enumerate(built):
        item.meta = {"position": position}
    form = {"result_format": "COMPLETE", "include_unexpected_rows": False}
    results = batch.validate(gx.ExpectationSuite(name="suite", expectations=built), result_format=form).results
    return sorted(results, key=lambda result: result.expectation_config.meta["position"])


def validate_plainly(config: PipelineConfig, partition: date, raw: pa.Table, late: int, moved: np.ndarray) -> Plain:
    """Judge all rows, of which the last `late` came late and `moved` (a mask) have gone to their own day."""
    spec, keys = config.spec, list(config.spec.keys)
    typed = type_columns(raw, {name: kind for name, kind in spec.delivered.items() if name in raw.column_names})
    table = pa.table(
        {
            name: typed.table[name] if name in raw.column_names else pa.nulls(len(raw), ARROW_TYPES[kind])
            for name, kind in spec.delivered.items()
        }
        | {
            name: raw[name]
            for name in sorted(set(raw.column_names) - set(spec.delivered))
            if not pa.types.is_nested(raw[name].type)
        }
    )
    frame = table.to_pandas(date_as_object=False)
    reasons: list[list[str]] = [[] for _ in range(len(frame))]
    repeats = frame.duplicated(keep="first").to_numpy()
    moved = moved & ~repeats
    for name, mask in typed.misfits.items():
        for row in np.flatnonzero(mask):
            reasons[row].append(
                f"{name}: {repr(raw[name][int(row)].as_py())[:60]} is not a valid {spec.delivered[name]}"
            )
    for name in keys:
        for row in np.flatnonzero(frame[name].isna()):
            reasons[row].append(f"{name}: the key is missing")
    for row in range(len(frame)):
        size = sum(len(str(frame[name][row]).encode()) for name in keys if frame[name].dtype == "str")
        if size > 2000:
            reasons[row].append(f"{', '.join(keys)}: the key has {size:,} bytes; 2,000 are the most")
    for row, moment in enumerate(frame[spec.event_time]):
        if pd.notna(moment) and moment.date() != partition:
            reasons[row].append(f"{spec.event_time}: {moment} is outside partition {partition}")
    for name in [name for name, kind in spec.delivered.items() if kind == "date"]:
        for row, moment in enumerate(frame[name]):
            if moment == pd.Timestamp(1970, 1, 1):
                reasons[row].append(f"{name}: {moment} is not a date")
    for expectation, result in zip(config.expectations.rows, run_whole(frame, config.expectations.rows), strict=True):
        for row in result.result.get("unexpected_index_list") or ():
            found = ", ".join(str(frame[name].iloc[row])[:60] for name in expectation.columns())
            reasons[row].append(f"{ExpectationResult(expectation, False).describe()} (found {found})")
    on_time = np.arange(len(frame)) < len(frame) - late
    good = ~repeats & ~moved & np.array([not found for found in reasons], dtype=bool)
    words = f"{', '.join(keys)}: the key "
    conflicts = frame[good & on_time].duplicated(keys, keep=False)
    taken = frame[good].duplicated(keys, keep=False)
    for row in conflicts.index[conflicts]:
        reasons[row].append(f"{words}appears more than once")
    for row in taken.index[taken & ~on_time[taken.index]]:
        reasons[row].append(f"{words}of this late row is already in its day")
    bad = ~repeats & ~moved & np.array([bool(found) for found in reasons], dtype=bool)
    good = ~repeats & ~moved & ~bad
    told = pa.array(["; ".join(reasons[row]) for row in np.flatnonzero(bad)], pa.string())
    return Plain(
        table.filter(pa.array(good)).sort_by([(name, "ascending") for name in keys]),
        raw.filter(pa.array(bad)).append_column(REASON_COLUMN, told),
        {
            "rows": len(frame),
            "quarantined": int(bad.sum()),
            "repeated": int(repeats.sum()),
            "moved": int(moved.sum()),
        },
    )
