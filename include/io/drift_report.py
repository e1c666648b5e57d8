"""Evidently: the distance of every column between two bounded samples, and its report. Nothing phones home."""

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("DO_NOT_TRACK", "1")

import numpy as np
import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.metrics import ValueDrift

# Distances, not p-values: they do not flip with the sample's size.
NUMERIC_METHOD, CATEGORICAL_METHOD = "wasserstein", "jensenshannon"


@dataclass(frozen=True)
class DriftMeasurement:
    """The distance of every column (None where it could not be measured, with the reason)."""

    scores: dict[str, float | None]
    failures: dict[str, str]


def measure_drift(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    numeric: Sequence[str],
    categorical: Sequence[str],
    limit: float,
    html: Path,
    json: Path,
) -> DriftMeasurement:
    """Compare the columns and write the report of those that could be compared as HTML and JSON.

    One column that Evidently can't handle makes the whole report fail, so unusable ones are left out and said.
    """
    failures = find_unusable(reference, current, [*numeric, *categorical])
    usable_numeric = [name for name in numeric if name not in failures]
    usable_categorical = [name for name in categorical if name not in failures]
    definition = DataDefinition(numerical_columns=usable_numeric, categorical_columns=usable_categorical)
    usable = [*usable_numeric, *usable_categorical]
    report = Report(
        [ValueDrift(column=name, method=NUMERIC_METHOD, threshold=limit) for name in usable_numeric]
        + [ValueDrift(column=name, method=CATEGORICAL_METHOD, threshold=limit) for name in usable_categorical]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        snapshot = report.run(
            Dataset.from_pandas(current[usable], data_definition=definition),
            Dataset.from_pandas(reference[usable], data_definition=definition),
        )
        snapshot.save_html(str(html))
        snapshot.save_json(str(json))
    scores: dict[str, float | None] = dict.fromkeys(failures)
    for metric in snapshot.dict()["metrics"]:
        value = float(metric["value"])
        scores[metric["config"]["column"]] = value if np.isfinite(value) else None
    return DriftMeasurement({name: scores.get(name) for name in [*numeric, *categorical]}, failures)


def find_unusable(reference: pd.DataFrame, current: pd.DataFrame, columns: Sequence[str]) -> dict[str, str]:
    """Columns that can't be compared, and why: missing, or empty on either side."""
    failures = {}
    for name in columns:
        for side, frame in (("reference", reference), ("current window", current)):
            if name not in frame:
                failures[name] = f"not in the {side}"
            elif frame[name].isna().all():
                failures[name] = f"empty in the {side}"
    return failures
