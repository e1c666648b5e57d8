"""The model card: one plain record of everything that is known about a model version."""

from collections.abc import Sequence
from typing import Any

from nightshift.core.cards.annex_iv import answer_annex_iv
from nightshift.core.cards.card_inputs import KnownModel, Record
from nightshift.core.cards.changes import describe_changes
from nightshift.core.cards.evaluation import count_decisions, measure_calibration, measure_evaluation
from nightshift.core.cards.gate import describe_decision, list_rules
from nightshift.core.cards.labels import describe_feature, describe_label, describe_rule
from nightshift.core.cards.model_card_mapping import MODEL_CARD_SECTIONS
from nightshift.core.cards.operations import (
    describe_monitoring,
    describe_oversight,
    describe_planned_changes,
    describe_security,
)
from nightshift.core.cards.slices import describe_slices
from nightshift.core.evaluation.metrics import is_higher_better
from nightshift.core.gate.rule import find_figures
from nightshift.extension.metrics import METRICS
from nightshift.extension.tasks import find_task

# Of the layout below: whoever reads cards by machine can tell when it changes.
SCHEMA = 1
MAX_TRIALS = 100


def build_model_card(known: KnownModel) -> dict[str, Any]:
    """Everything, in the order in which the page shows it; JSON-able except for NaN, which stands for unknown."""
    card = {
        "card": "model",
        "schema": SCHEMA,
        "pipeline": known.config.name,
        "title": known.config.spec.title,
        "simulated": known.config.spec.simulated,
        "version": known.version["version"],
        "created_at": known.version["created_at"],
        "gate": describe_decision(known.decision),
        "about": describe_purpose(known),
        "model": describe_model(known),
        "features": describe_features(known),
        "training": describe_training(known),
        "search": describe_search(known.trials, known.config.spec.training.metric),
        **_judge_model(known),
        **_describe_use(known),
        "practice": MODEL_CARD_SECTIONS,
    }
    return {**card, "annex_iv": answer_annex_iv(card)}


def _judge_model(known: KnownModel) -> dict[str, Any]:
    """What was measured on the held-out rows."""
    spec, held_out = known.config.spec, known.held_out
    return {
        "evaluation": measure_evaluation(known),
        "slices": describe_slices(known.decision, spec),
        "calibration": measure_calibration(spec, held_out),
        "decisions": count_decisions(held_out, known.version["threshold"], spec.gate.confidence),
    }


def _describe_use(known: KnownModel) -> dict[str, Any]:
    """What to mind while the model is in use, and who minds it."""
    config, said = known.config, known.config.spec.card
    changes = describe_changes(known.version, known.champion, known.promotions)
    return {
        "limits": said.limits or None,
        "risks": said.risks or None,
        "oversight": {"people": said.oversight or None, "house": describe_oversight(config)},
        "monitoring": describe_monitoring(config),
        "changes": {"planned": describe_planned_changes(config), **changes},
        "security": describe_security(config),
        "standards": said.standards or None,
    }


def describe_purpose(known: KnownModel) -> dict[str, str | None]:
    """What only people know. The description and the owner stand in where the section `card` says nothing."""
    spec, said = known.config.spec, known.config.spec.card
    return {
        "purpose": said.purpose or spec.description.strip() or None,
        "users": said.users or None,
        "affected": said.affected or None,
        "out_of_scope": said.out_of_scope or None,
        "provider": said.provider or None,
        "owner": spec.owner,
        "contact": said.contact or spec.owner,
    }


def describe_model(known: KnownModel) -> dict[str, Any]:
    """Estimator, output, threshold, and what it costs to serve."""
    spec, version = known.config.spec, known.version
    task, label = find_task(spec.task), spec.label
    served = find_figures(list_rules(known.decision), "reload")
    return {
        "task": task.name,
        "decides": task.decides,
        "leak_metric": METRICS.find(task.leak_metric).label,
        "outcome": describe_label(spec),
        "output": task.describe_score(label.column, label.positive_from),
        "estimator": version["estimator"],
        "parameters": version["parameters"],
        "calibration": version["metrics"].get("calibration"),
        "calibration_refused": version["metrics"].get("calibration_refused") or None,
        "threshold": describe_threshold(version) if task.decides else None,
        "serving": {name: served[name] for name in ("seconds", "megabytes") if name in served} or None,
        "software": dict(known.software),
    }


def describe_threshold(version: Record) -> dict[str, Any] | None:
    """The decision threshold, how it was chosen, and its figures on the validation folds."""
    if version["threshold"] is None:
        return None
    rule = version["decision_rule"] or {"rule": "fixed"}
    return {
        "value": version["threshold"],
        "rule": describe_rule(rule),
        "validation": rule.get("validation") or {},
        "validation_rows": rule.get("rows"),
        "note": rule.get("note"),
        "holdout": version["metrics"].get("decision") or {},
    }


def describe_features(known: KnownModel) -> list[dict[str, Any]]:
    """Every feature, the most important one first; what is not known comes last, in the model's order."""
    version, recorded = known.version, known.version["metrics"]
    importance, alone = recorded.get("importance", {}), recorded.get("alone", {})
    features = [
        {
            "name": name,
            "kind": kind,
            "definition": describe_feature(name, known.config.spec),
            "importance": importance.get(name, {}).get("mean"),
            "spread": importance.get(name, {}).get("std"),
            "alone": alone.get(name),
        }
        for kind in ("numeric", "categorical")
        for name in version["features"][kind]
    ]
    return sorted(features, key=lambda feature: (feature["importance"] is None, -(feature["importance"] or 0.0)))


def describe_training(known: KnownModel) -> dict[str, Any]:
    """The window and the hashes that name the data, the code and the configuration exactly."""
    version = known.version
    inputs = version["inputs"]
    return {
        **{name: version[name] for name in ("train_from", "train_to", "holdout_from", "holdout_to", "rows", "seed")},
        "holdout_rows": len(known.held_out.target),
        "run_id": version["run_id"],
        "hashes": {
            "artifact": version["artifact"]["sha256"],
            "labels": inputs.get("labels_sha256"),
            "config": version["config_sha256"],
            "code": version["code_version"],
        },
        "feature_objects": inputs.get("features", {}),
    }


def describe_search(trials: Sequence[Record], metric: str) -> dict[str, Any] | None:
    """How many settings were tried in which time, and the best of each estimator in the last round it reached."""
    if not trials:
        return None
    sign = 1 if is_higher_better(metric) else -1
    usable = [trial for trial in trials if trial["value"] is not None]
    ranked = sorted(usable, key=lambda trial: (-trial["rung"], -sign * trial["value"], trial["number"]))
    best: dict[str, Record] = {}
    for trial in ranked:
        best.setdefault(trial["estimator"], trial)
    shown = ("number", "estimator", "parameters", "rung", "rows", "value", "seconds", "failure")
    return {
        "metric": metric,
        "trials": len(trials),
        "failed": len(trials) - len(usable),
        "rounds": 1 + max(trial["rung"] for trial in trials),
        "seconds": sum(trial["seconds"] for trial in trials),
        "best": [{name: trial[name] for name in shown} for trial in best.values()],
        "listed": [{name: trial[name] for name in shown} for trial in trials[:MAX_TRIALS]],
    }
