"""version + gate decision + training set -> model card and data card."""

import platform
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from importlib.metadata import version as read_release
from typing import Any

import numpy as np
from sqlalchemy import Connection

from nightshift.config.json_values import without_nan
from nightshift.config.pipeline import PipelineConfig
from nightshift.core.cards import HeldOut, KnownData, KnownModel, build_data_card, build_model_card
from nightshift.core.cards.gate import list_rules
from nightshift.core.estimators.kinds import predict_scores
from nightshift.core.gate.rule import find_record
from nightshift.extension.estimators import ESTIMATORS
from nightshift.io.artifacts import load_model
from nightshift.io.monitoring.validation_and_drift import list_validations
from nightshift.io.registry import ModelVersion, find_version, list_decisions, list_promotions, require_version
from nightshift.io.registry.cards import find_cards, record_card, store_card
from nightshift.io.registry.trials import list_trials
from nightshift.io.resources import Resources
from nightshift.steps.handover import Assembled
from nightshift.steps.labels import PARTITION, TARGET
from nightshift.steps.outcome import Outcome
from nightshift.steps.train.training_set import TrainingSet, read_frame, read_training_set

SHARED_LIBRARIES = ("numpy", "pandas", "pyarrow", "skops")


def write_cards(config: PipelineConfig, resources: Resources, assembled: Assembled, version: int) -> Outcome:
    """Write both cards of a version that the gate has judged. Doing it again replaces what changed meanwhile.

    A model that can't be loaded gets cards from what else is known. Figures: model_card, data_card (URIs of the pages).
    """
    with resources.warehouse.begin() as connection:
        found = require_version(connection, config.name, version)
        known = _read_known(connection, config, found)
        validations = list_validations(connection, config.name, found.train_from, found.holdout_to)
        earlier = find_cards(connection, config.name, version)
    held_out = predict_held_out(
        config, resources, found, known["decision"], read_training_set(config, resources, assembled)
    )
    model = build_model_card(KnownModel(config=config, held_out=held_out, software=read_software(), **known))
    data = build_data_card(_gather_data(config, resources, assembled, known["version"], validations))
    stored = {card["card"]: store_card(resources.lake, without_nan(card), earlier) for card in (model, data)}
    with resources.warehouse.begin() as connection:
        for kind, objects in stored.items():
            record_card(connection, config.name, version, kind, objects)
    return Outcome("done", figures={f"{kind}_card": objects["html"].uri for kind, objects in stored.items()})


def _gather_data(
    config: PipelineConfig,
    resources: Resources,
    assembled: Assembled,
    version: dict[str, Any],
    validations: list[dict[str, Any]],
) -> KnownData:
    frame = read_frame(resources, assembled)
    days = frame[PARTITION].to_numpy("datetime64[D]")
    return KnownData(config, version, frame, frame[TARGET].to_numpy("float64"), days, validations)


def _read_known(connection: Connection, config: PipelineConfig, version: ModelVersion) -> dict[str, Any]:
    """The registry's rows about the version: its last decision, whom it was compared with, and what was before."""
    decisions = [
        found for found in list_decisions(connection, config.name) if found.candidate_version == version.version
    ]
    decision = decisions[-1] if decisions else None
    compared = decision.champion_version if decision else None
    champion = find_version(connection, config.name, compared) if compared else None
    before = decision.decided_at if decision else version.created_at
    promotions = [row for row in list_promotions(connection, config.name) if row.promoted_at <= before]
    return {
        "version": to_plain(asdict(version)),
        "decision": to_plain(asdict(decision)) if decision else None,
        "champion": to_plain(asdict(champion)) if champion else None,
        "trials": to_plain(list_trials(connection, config.name, version.run_id)),
        "promotions": to_plain([asdict(row) for row in promotions]),
    }


def predict_held_out(
    config: PipelineConfig,
    resources: Resources,
    version: ModelVersion,
    decision: dict[str, Any] | None,
    data: TrainingSet,
) -> HeldOut:
    """The held-out rows with the model's predictions, if a fresh process showed that loading the model is safe."""
    target, days = data.holdout.target, data.holdout.days
    reloaded = find_record(list_rules(decision), "reload")
    if not reloaded or not reloaded["passed"]:
        reason = f" ({reloaded['reason']})" if reloaded else ""
        return HeldOut(target, days, None, f"The model was not loaded for this card{reason}; intervals are not known.")
    model = load_model(resources.lake, version.artifact)
    rows = data.holdout.rows[version.feature_names]
    return HeldOut(target, days, np.asarray(predict_scores(model, config.spec.task, rows)))


def read_software() -> dict[str, str]:
    """Versions of what computes; libraries that are not installed are left out."""
    versions = {"Python": platform.python_version()}
    of_kinds = dict.fromkeys(name for estimator in ESTIMATORS for name in estimator.libraries)
    for name in ("scikit-learn", *of_kinds, *SHARED_LIBRARIES):
        try:
            versions[name] = read_release(name)
        except ModuleNotFoundError:
            continue
    return versions


def to_plain(value: Any) -> Any:
    """The same with dates and times as ISO text."""
    if isinstance(value, dict):
        return {key: to_plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [to_plain(item) for item in value]
    return value.isoformat() if isinstance(value, date | datetime) else value
