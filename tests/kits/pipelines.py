"""A small valid pipeline folder that tests bend."""

import copy
from datetime import date
from pathlib import Path
from typing import Any

import yaml

SPEC: dict[str, Any] = {
    "title": "Visits per shop",
    "start": date(2026, 1, 1),
    "task": "classification",
    "source": {"kind": "files", "path": "data/{partition}.csv"},
    "columns": {
        "shop": "text",
        "visit": "integer",
        "seen_at": "timestamp",
        "spent": "number",
        "rained": "boolean",
        "late": "number",
        "returned": "integer",
    },
    "keys": ["shop", "visit"],
    "event_time": "seen_at",
    "label": {"column": "returned", "available_after_days": 1},
    "known_afterwards": ["late"],
    "features": {
        "derived": [{"kind": "calendar", "name": "hour", "column": "seen_at", "part": "hour"}],
        "numeric": ["spent", "hour"],
        "categorical": ["shop"],
    },
    "training": {"metric": "roc_auc", "window_days": 10, "holdout_days": 2, "estimators": [{"kind": "logistic"}]},
    "gate": {"floor": 0.6, "resample": "rows"},
}
SUITE: dict[str, Any] = {"rows": [{"expect_column_values_to_not_be_null": {"column": "shop"}}]}


def make_spec(**changes: Any) -> dict[str, Any]:
    """SPEC with dotted paths replaced: `make_spec(**{"gate.floor": 0.7})`."""
    spec = copy.deepcopy(SPEC)
    for path, value in changes.items():
        *parents, last = path.split(".")
        inner = spec
        for parent in parents:
            inner = inner[parent]
        inner[last] = copy.deepcopy(value)  # a later path may lead into it
    return spec


def write_pipeline(folder: Path, spec: Any = None, suite: Any = None, name: str = "shops") -> Path:
    """Write a pipeline folder; text is written as it is."""
    target = folder / name
    target.mkdir(parents=True, exist_ok=True)
    for file, content in (("pipeline.yaml", SPEC if spec is None else spec), ("expectations.yaml", suite or SUITE)):
        text = content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False)
        (target / file).write_text(text)
    return target
