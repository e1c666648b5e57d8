"""Made-up facts about a version, from which tests build cards."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nightshift.config.loading import load_pipeline
from nightshift.config.pipeline import PipelineConfig
from nightshift.core.cards import HeldOut, KnownData, KnownModel
from nightshift.core.evaluation.metrics import measure_all
from nightshift.extension.metrics import list_metrics
from tests.kits.pipelines import make_spec, write_pipeline

DAYS = pd.date_range("2026-01-01", periods=10).to_numpy("datetime64[D]")
ROWS = 200
CARD = {"purpose": "Who gets a voucher.", "users": "The shop's clerks.", "limits": "Rainy days are rare."}


def make_config(folder: Path, **changes: Any) -> PipelineConfig:
    """The tests' pipeline, bent."""
    return load_pipeline(write_pipeline(folder / "pipelines", make_spec(**{"card": CARD, **changes})))


def draw_window(seed: int = 5) -> tuple[pd.DataFrame, np.ndarray, np.ndarray, np.ndarray]:
    """Rows, outcome, day, and a good prediction of each."""
    generator = np.random.default_rng(seed)
    count = ROWS * len(DAYS)
    rows = pd.DataFrame(
        {
            "spent": generator.gamma(4, 10, count).round(2),
            "hour": generator.integers(8, 20, count).astype("float64"),
            "shop": generator.choice(["north", "south", None], count, p=[0.6, 0.3, 0.1]),
        }
    )
    chance = 1 / (1 + np.exp(-0.1 * (rows["spent"].to_numpy() - 40)))
    return rows, (generator.random(count) < chance).astype("float64"), np.repeat(DAYS, ROWS), chance


def make_rule(name: str, passed: bool | None = True, reason: str = "so", **figures: Any) -> dict[str, Any]:
    """A rule as ml.gate_decisions.rules keeps it."""
    return {"name": name, "passed": passed, "figures": figures, "reason": reason}


def make_version(held_out: HeldOut, **changes: Any) -> dict[str, Any]:
    """A row of ml.model_versions."""
    predicted = held_out.predicted
    metrics = {} if predicted is None else measure_all(list_metrics("classification"), held_out.target, predicted)
    features = ("spent", "hour", "shop")
    return {
        "pipeline": "shops",
        "version": 3,
        "created_at": "2026-01-12T02:15:30+00:00",
        "run_id": "manual__2026-01-12",
        "artifact": {"uri": "file:///lake/model.skops", "sha256": "a" * 64, "rows": 0},
        "config_sha256": "c" * 64,
        "code_version": "0123456789ab",
        "train_from": "2026-01-01",
        "train_to": "2026-01-08",
        "holdout_from": "2026-01-09",
        "holdout_to": "2026-01-10",
        "rows": 8 * ROWS,
        "estimator": "logistic",
        "parameters": {"C": 0.1},
        "features": {"numeric": ["spent", "hour"], "categorical": ["shop"]},
        "inputs": {"features": {str(day): "f" * 64 for day in DAYS}, "labels_sha256": "1" * 64},
        "seed": 7,
        "metrics": {
            **metrics,
            "train": {**metrics, "roc_auc": 0.81},
            "baseline": {"roc_auc": 0.5, "average_precision": 0.44, "log_loss": 0.69, "brier": 0.246},
            "importance": {name: {"mean": 0.1 / rank, "std": 0.01} for rank, name in enumerate(features, 1)},
            "alone": {"spent": 0.7, "hour": 0.5, "shop": 0.51},
            "calibration": "sigmoid",
        },
        "threshold": 0.5,
        "decision_rule": {
            "rule": "cost",
            "false_positive": 1.0,
            "false_negative": 4.0,
            "validation": {"precision": 0.7, "recall": 0.8, "share": 0.5, "cost": 0.31},
            "rows": 1200,
        },
        **changes,
    }


def make_decision(**changes: Any) -> dict[str, Any]:
    """A row of ml.gate_decisions: the candidate was compared with version 2."""
    return {
        "id": 5,
        "candidate_version": 3,
        "champion_version": 2,
        "decision": "promote",
        "reason": "not worse than version 2",
        "decided_at": "2026-01-12T02:16:00+00:00",
        "rules": [
            make_rule("min_rows", rows=2 * ROWS),
            make_rule("reload", seconds=0.12, megabytes=34.5, problem=""),
            make_rule("slices", margin=0.04, judged=1, confidence=0.95, slices=[make_group("shop: north")]),
            make_rule("champion", candidate=0.74, champion=0.73, gain=0.01, gain_low=-0.01, gain_high=0.03),
        ],
        **changes,
    }


def make_group(name: str, **changes: Any) -> dict[str, Any]:
    """A slice as the gate's rule keeps it."""
    figures = {"rows": 240, "candidate": 0.74, "champion": 0.73, "gain": 0.01, "gain_low": -0.02, "gain_high": 0.04}
    return {"slice": name, "found": False, **figures, "p": 0.4, "verdict": "no worse", "passed": True, **changes}


def make_trial(number: int, **changes: Any) -> dict[str, Any]:
    """A row of ml.trials."""
    return {
        "number": number,
        "rung": 0,
        "estimator": "logistic",
        "parameters": {"C": 0.1},
        "rows": 400,
        "value": 0.7,
        "seconds": 0.5,
        "failure": "",
        **changes,
    }


def make_known_model(config: PipelineConfig, **changes: Any) -> KnownModel:
    """All facts about version 3."""
    _, target, days, chance = draw_window()
    late = days >= np.datetime64("2026-01-09")
    held_out = changes.pop("held_out", HeldOut(target[late], days[late], chance[late]))
    version = changes.pop("version", make_version(held_out))
    facts = {
        "decision": make_decision(),
        "champion": make_version(held_out, version=2, estimator="ridge", config_sha256="d" * 64),
        "trials": [make_trial(0), make_trial(1, parameters={"C": 1.0}, value=0.72, rung=1, rows=1200)],
        "promotions": [],
        "software": {"Python": "3.11.2", "scikit-learn": "1.9.1"},
    }
    return KnownModel(config=config, version=version, held_out=held_out, **{**facts, **changes})


def make_known_data(config: PipelineConfig, **changes: Any) -> KnownData:
    """All facts about the data of version 3."""
    rows, target, days, chance = draw_window()
    facts = {"rows": rows, "target": target, "days": days, "validations": [make_validation(date(2026, 1, 3))]}
    held_out = HeldOut(target, days, chance)
    return KnownData(config=config, version=make_version(held_out), **{**facts, **changes})  # type: ignore[arg-type]


def make_validation(day: date, **changes: Any) -> dict[str, Any]:
    """A row of monitoring.validation."""
    failure = {"level": "row", "expectation": "spent", "rows": 3, "detail": "spent: -1 is below 0"}
    return {
        "partition_date": day,
        "success": True,
        "rows": ROWS + 3,
        "quarantined": 3,
        "repeated": 0,
        "failures": [failure],
        **changes,
    }
