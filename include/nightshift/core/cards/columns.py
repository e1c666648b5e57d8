"""What the features of the training slice look like: missing shares, distinct values, quantiles, top categories."""

from typing import Any

import numpy as np
import pandas as pd

from nightshift.config.pipeline import PipelineSpec
from nightshift.core.cards.labels import describe_feature

QUANTILES = {"min": 0.0, "5%": 0.05, "25%": 0.25, "median": 0.5, "75%": 0.75, "95%": 0.95, "max": 1.0}
TOP = 8
LONGEST = 60
BARS = 24


def describe_columns(rows: pd.DataFrame, spec: PipelineSpec) -> list[dict[str, Any]]:
    """One record per feature, in the model's order."""
    numeric = set(spec.features.numeric)
    return [
        {
            "name": name,
            "definition": describe_feature(name, spec),
            **(_describe_numbers(rows[name]) if name in numeric else _describe_categories(rows[name])),
        }
        for name in spec.features.names
    ]


def _describe_numbers(values: pd.Series) -> dict[str, Any]:
    known = values.dropna().to_numpy("float64")
    found = np.quantile(known, list(QUANTILES.values())).tolist() if len(known) else [None] * len(QUANTILES)
    return {
        "kind": "numeric",
        "missing": _share_missing(values),
        "distinct": int(values.nunique()),
        "mean": float(known.mean()) if len(known) else None,
        "quantiles": dict(zip(QUANTILES, found, strict=True)),
        "histogram": _count_bars(known),
    }


def _count_bars(known: np.ndarray) -> dict[str, Any] | None:
    """Counts in bars of equal width between the 1st and the 99th percentile; the rest is in the first and last."""
    if not len(known):
        return None
    low, high = np.quantile(known, [0.01, 0.99])
    if low == high:
        return None
    bars = BARS
    if high - low < BARS and (known == np.round(known)).all():
        # One bar per whole number: anything finer would show gaps that are none.
        low, high = np.floor(low) - 0.5, np.ceil(high) + 0.5
        bars = int(high - low)
    counts, _ = np.histogram(np.clip(known, low, high), bins=bars, range=(low, high))
    return {"low": float(low), "high": float(high), "counts": counts.tolist()}


def _describe_categories(values: pd.Series) -> dict[str, Any]:
    counts = values.value_counts(dropna=True)
    top = [
        {"value": _shorten(str(value)), "share": float(count / len(values))}
        for value, count in counts.head(TOP).items()
    ]
    return {
        "kind": "categorical",
        "missing": _share_missing(values),
        "distinct": len(counts),
        "top": top,
        "others": float(counts.iloc[TOP:].sum() / len(values)) if len(counts) > TOP else 0.0,
    }


def _share_missing(values: pd.Series) -> float | None:
    return float(values.isna().mean()) if len(values) else None


def _shorten(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
