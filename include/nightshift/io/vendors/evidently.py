"""Evidently: the distance of columns between two bounded samples, and its report. Nothing phones home."""

import os
import warnings
from collections.abc import Mapping
from pathlib import Path

os.environ.setdefault("DO_NOT_TRACK", "1")

import numpy as np
import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.legacy.calculations.stattests import jensenshannon_stat_test, wasserstein_stat_test
from evidently.legacy.core import ColumnType
from evidently.metrics import ValueDrift


def measure_numbers(reference: pd.Series, current: pd.Series) -> float:
    """The Wasserstein distance, in standard deviations of the reference; missing values are left out. NaN: none."""
    return _measure(wasserstein_stat_test, reference.dropna(), current.dropna(), ColumnType.Numerical)


def measure_categories(reference: pd.Series, current: pd.Series) -> float:
    """The Jensen-Shannon distance (natural logarithm); missing values are left out. NaN: none."""
    codes, _ = pd.factorize(pd.concat([reference.astype(object), current.astype(object)]))
    # Codes, because Evidently looks every value up by its hash.
    then, now = (pd.Series(part[part >= 0]) for part in (codes[: len(reference)], codes[len(reference) :]))
    return _measure(jensenshannon_stat_test, then, now, ColumnType.Categorical)


def _measure(test: object, reference: pd.Series, current: pd.Series, kind: ColumnType) -> float:
    """Evidently's own function, without the widgets that its report computes around each distance."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return float(test(reference, current, kind, None).drift_score)  # type: ignore[operator]
    except (ValueError, ZeroDivisionError, TypeError):
        return float("nan")


def write_report(
    reference: pd.DataFrame, current: pd.DataFrame, methods: Mapping[str, str], limit: float, html: Path, json: Path
) -> None:
    """Evidently's report of the columns of `methods` (wasserstein: numeric; else categorical) as HTML and JSON.

    One column that Evidently can't handle makes the whole report fail, so the caller leaves those out.
    """
    numeric = [name for name, method in methods.items() if method == "wasserstein"]
    definition = DataDefinition(
        numerical_columns=numeric, categorical_columns=[name for name in methods if name not in numeric]
    )
    report = Report([ValueDrift(column=name, method=method, threshold=limit) for name, method in methods.items()])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        snapshot = report.run(
            Dataset.from_pandas(current[list(methods)], data_definition=definition),
            Dataset.from_pandas(reference[list(methods)], data_definition=definition),
        )
        snapshot.save_html(str(html))
        snapshot.save_json(str(json))
