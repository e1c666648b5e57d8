"""The data card: one plain record of the data that a model version was trained and evaluated on."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nightshift.core.cards.card_inputs import KnownData, Record
from nightshift.core.cards.columns import describe_columns
from nightshift.core.cards.labels import describe_label, describe_source
from nightshift.core.cards.model_card_mapping import DATASHEET_SECTIONS
from nightshift.extension.tasks import find_task

SCHEMA = 1
MAX_STRETCHES = 120


def build_data_card(known: KnownData) -> dict[str, Any]:
    """Everything, in the order in which the page shows it; JSON-able except for NaN, which stands for unknown."""
    spec, version = known.config.spec, known.version
    fitted = known.days <= np.datetime64(version["train_to"], "D")
    return {
        "card": "data",
        "schema": SCHEMA,
        "pipeline": known.config.name,
        "title": spec.title,
        "simulated": spec.simulated,
        "version": version["version"],
        "created_at": version["created_at"],
        "about": describe_motivation(known),
        "source": describe_origin(known),
        "columns": describe_source_columns(known),
        "label": describe_outcome(known),
        "window": {name: version[name] for name in ("train_from", "train_to", "holdout_from", "holdout_to")},
        "days": describe_days(known),
        "features": describe_columns(known.rows[fitted], spec),
        "features_of": {"slice": "training", "rows": int(fitted.sum())},
        "validation": describe_validation(known),
        "hashes": {
            "labels": version["inputs"].get("labels_sha256"),
            "config": version["config_sha256"],
            "feature_objects": version["inputs"].get("features", {}),
        },
        "practice": DATASHEET_SECTIONS,
    }


def describe_origin(known: KnownData) -> dict[str, Any]:
    """Where the rows come from, and what tells them apart."""
    spec = known.config.spec
    origin = {"origin": spec.card.data_origin or None, "distribution": None}
    return {**describe_source(spec), **origin, "keys": list(spec.keys), "event_time": spec.event_time}


def describe_outcome(known: KnownData) -> dict[str, Any]:
    """What is predicted, and how it came to be known."""
    spec = known.config.spec
    return {
        "column": spec.label.column,
        "meaning": describe_label(spec),
        "available_after": spec.label.available_after_days,
        "labelling": spec.card.labelling or None,
    }


def describe_motivation(known: KnownData) -> dict[str, str | None]:
    """What the data are for, and who to ask."""
    spec, said = known.config.spec, known.config.spec.card
    return {
        "purpose": said.purpose or spec.description.strip() or None,
        "affected": said.affected or None,
        "owner": spec.owner,
        "contact": said.contact or spec.owner,
    }


def describe_source_columns(known: KnownData) -> list[dict[str, Any]]:
    """What the source delivers, and what each column is used for."""
    spec = known.config.spec
    roles: dict[str, tuple[str | None, ...]] = {
        "key": spec.keys,
        "event time": (spec.event_time,),
        "outcome": (spec.label.column,),
        "known afterwards": spec.known_afterwards,
        "feature": spec.features.names,
    }
    return [
        {"name": name, "type": kind, "roles": [role for role, names in roles.items() if name in names]}
        for name, kind in spec.columns.items()
    ]


def describe_days(known: KnownData) -> dict[str, Any]:
    """Rows and mean outcome per day; long windows in stretches of several days, so that a chart can show them."""
    mean = find_task(known.config.spec.task).mean_title
    days, position = np.unique(known.days, return_inverse=True)
    held_out = days >= np.datetime64(known.version["holdout_from"], "D")
    length = -(-len(days) // MAX_STRETCHES)
    stretch = number_stretches(held_out, length)
    rows = np.bincount(stretch[position])
    means = np.bincount(stretch[position], weights=known.target) / rows
    return {
        "rows": len(known.days),
        "days": len(days),
        "stretch": int(length),
        "mean_of": mean,
        "mean": float(known.target.mean()) if len(known.target) else None,
        "series": [
            {
                "from": str(days[stretch == number][0]),
                "to": str(days[stretch == number][-1]),
                "days": int((stretch == number).sum()),
                "rows": int(rows[number]),
                "mean": float(means[number]),
                "held_out": bool(held_out[stretch == number][0]),
            }
            for number in range(len(rows))
        ],
    }


def number_stretches(held_out: np.ndarray, length: int) -> np.ndarray:
    """The stretch of each day, at most `length` days each; none reaches from the training days into those held out."""
    first = int((~held_out).sum())
    order = np.arange(len(held_out))
    return np.where(held_out, (order - first) // length - (-first // length), order // length)


def describe_validation(known: KnownData) -> dict[str, Any]:
    """The nightly validations in the window: how many passed, which rows were put aside, and what failed most."""
    days = [
        {
            "day": str(row["partition_date"]),
            **{name: row[name] for name in ("success", "rows", "quarantined", "repeated")},
        }
        for row in known.validations
    ]
    return {
        "days": len(days),
        "passed": sum(row["success"] for row in days),
        "rows": sum(row["rows"] for row in days),
        "quarantined": sum(row["quarantined"] for row in days),
        "repeated": sum(row["repeated"] for row in days),
        "failures": count_failures(known.validations),
        "noticed": [row for row in days if not row["success"] or row["quarantined"] or row["repeated"]],
    }


def count_failures(validations: Sequence[Record]) -> list[dict[str, Any]]:
    """Per expectation that failed: on how many days and rows, with the first detail; the most frequent first."""
    found: dict[tuple[str, str], list[Record]] = {}
    for row in validations:
        for failure in row["failures"]:
            found.setdefault((failure["level"], failure["expectation"]), []).append(failure)
    counted = [
        {
            "level": level,
            "expectation": expectation,
            "days": len(failures),
            "rows": sum(failure["rows"] for failure in failures),
            "detail": failures[0]["detail"],
        }
        for (level, expectation), failures in found.items()
    ]
    return sorted(counted, key=lambda row: -row["days"])
