"""candidate + champion + held-out slice -> the gate's decision, kept with every rule's figures."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from nightshift.config.pipeline import PipelineConfig
from nightshift.core.estimators.kinds import make_baseline, predict_scores
from nightshift.core.evaluation.overlap import Overlap, measure_overlap
from nightshift.core.evaluation.persistence import Known, guess_from_last
from nightshift.core.gate import explain, judge, may_challenge
from nightshift.core.gate.best_champion import Succession, find_best_champion
from nightshift.core.gate.evidence import Evidence, Served
from nightshift.core.gate.rule import find_figures
from nightshift.errors import DataUnavailable
from nightshift.extension.tasks import find_task
from nightshift.io.artifacts import UnusableArtifact, load_model
from nightshift.io.lake.base import CorruptObject
from nightshift.io.registry import (
    ModelVersion,
    find_champion,
    find_version,
    list_decisions,
    list_promotions,
    record_decision,
    require_version,
    set_challenger,
)
from nightshift.io.resources import Resources
from nightshift.steps.handover import Assembled
from nightshift.steps.outcome import Outcome
from nightshift.steps.serving.check import check_serving
from nightshift.steps.train.training_set import Slice, TrainingSet, read_training_set


def judge_candidate(
    config: PipelineConfig, resources: Resources, assembled: Assembled, version: int, fresh: bool = True
) -> Outcome:
    """Compare on the same held-out rows; a candidate that failed only against the champion may become challenger.

    Without `fresh` it is served in this process; see check_serving.
    Figures: decision, reason, gate_decision_id, champion_version, rules, challenger.
    """
    spec = config.spec
    with resources.warehouse.begin() as connection:
        candidate = require_version(connection, config.name, version)
        champion = find_champion(connection, config.name)
        best = find_best(connection, config, champion)
    data = read_training_set(config, resources, assembled)
    served = check_serving(config, resources, candidate, fresh)
    evidence = gather_evidence(config, resources, data, Versions(candidate, champion, best), served)
    decision, rules = judge(evidence, spec.gate, spec.task, spec.training.metric, spec.training.seed)
    reason, records = explain(decision, rules), [rule.to_record() for rule in rules]
    challenger = decision == "keep" and spec.gate.keep_challenger and may_challenge(rules)
    with resources.warehouse.begin() as connection:
        identity = record_decision(
            connection, config.name, version, evidence.champion_version, decision, records, reason
        )
        if challenger:
            set_challenger(connection, config.name, version, identity)
    figures = {
        "decision": decision,
        "reason": reason,
        "gate_decision_id": identity,
        "champion_version": evidence.champion_version,
        "rules": records,
        "challenger": challenger,
    }
    return Outcome("done", figures=figures)


@dataclass(frozen=True)
class Versions:
    """The candidate, the champion, and the last champion that proved better where that is another one."""

    candidate: ModelVersion
    champion: ModelVersion | None
    best: ModelVersion | None


def find_best(connection: Connection, config: PipelineConfig, champion: ModelVersion | None) -> ModelVersion | None:
    """The last champion that proved better than its predecessor; None where that is the champion, or it is retired."""
    if champion is None:
        return None
    lows = {
        decision.id: find_figures(decision.rules, "champion").get("gain_low")
        for decision in list_decisions(connection, config.name)
    }
    promotions = reversed(list_promotions(connection, config.name))
    steps = [Succession(row.version, row.previous_version, lows.get(row.gate_decision_id or 0)) for row in promotions]
    best = find_best_champion(champion.version, steps)
    return None if best == champion.version else find_version(connection, config.name, best)


def gather_evidence(
    config: PipelineConfig,
    resources: Resources,
    data: TrainingSet,
    versions: Versions,
    served: Served,
) -> Evidence:
    """What the gate looks at. The candidate is loaded here only after a fresh process has shown that this is safe."""
    task, holdout = config.spec.task, data.holdout
    candidate, champion, best = versions.candidate, versions.champion, versions.best
    missing = _find_missing(candidate, holdout)
    scores, problem = _predict_champion(config, resources, champion, holdout)
    return Evidence(
        target=holdout.target,
        days=holdout.days,
        rows=holdout.rows[list(config.spec.features.names)],
        candidate=None if missing or served.problem else _predict_candidate(config, resources, candidate, holdout),
        baseline=predict_scores(make_baseline(task).fit(data.train.rows, data.train.target), task, holdout.rows),
        champion=scores,
        champion_version=champion.version if champion else None,
        champion_problem=problem,
        missing_features=missing,
        train_value=_read_number(candidate.metrics.get("train", {}).get(config.spec.training.metric)),
        target_range=(float(data.train.target.min()), float(data.train.target.max())),
        alone={name: _read_number(value) for name, value in candidate.metrics.get("alone", {}).items()},
        served=served,
        champion_fitted_to=max((each.train_to for each in (champion, best) if each), default=None),
        best=_predict_champion(config, resources, best, holdout)[0],
        best_version=best.version if best else None,
        made_before=_list_made_before(config),
        naive=_guess_from_last(config, data),
        overlap=_measure_overlap(config, data),
    )


def _list_made_before(config: PipelineConfig) -> frozenset[str]:
    """Parts of a date and sums over earlier days can't know the outcome, however strong they are."""
    derived = config.spec.features.derived
    return frozenset(feature.name for feature in derived if feature.kind in ("calendar", "clock", "rolling"))


def _guess_from_last(config: PipelineConfig, data: TrainingSet) -> dict[str, np.ndarray]:
    known, held = (Known(part.keys, part.days, part.target) for part in (data.train, data.holdout))
    return guess_from_last(known, held, config.spec.maturity_days, average=find_task(config.spec.task).decides)


def _measure_overlap(config: PipelineConfig, data: TrainingSet) -> Overlap:
    """A feature that is a key counts once."""
    keys = list(config.spec.keys)
    features = [name for name in config.spec.features.names if name not in keys]
    fitted, held = (pd.concat([part.keys, part.rows[features]], axis=1) for part in (data.train, data.holdout))
    return measure_overlap(fitted, data.train.target, held, data.holdout.target, keys)


def _predict_champion(
    config: PipelineConfig, resources: Resources, champion: ModelVersion | None, holdout: Slice
) -> tuple[np.ndarray | None, str]:
    """The champion's predictions, or None and why there are none."""
    if champion is None:
        return None, ""
    missing = _find_missing(champion, holdout)
    if missing:
        return None, f"it needs {', '.join(missing)}, which the held-out rows don't have"
    try:
        model = load_model(resources.lake, champion.artifact)
    except (CorruptObject, DataUnavailable, UnusableArtifact) as error:
        return None, str(error)
    try:
        return predict_scores(model, config.spec.task, holdout.rows[champion.feature_names]), ""
    except Exception as error:  # whatever it is, it concerns the champion alone
        return None, f"it can't score the held-out rows: {type(error).__name__}: {error}"


def _find_missing(version: ModelVersion, holdout: Slice) -> tuple[str, ...]:
    return tuple(name for name in version.feature_names if name not in holdout.rows.columns)


def _predict_candidate(
    config: PipelineConfig, resources: Resources, candidate: ModelVersion, holdout: Slice
) -> np.ndarray:
    model = load_model(resources.lake, candidate.artifact)
    return predict_scores(model, config.spec.task, holdout.rows[candidate.feature_names])


def _read_number(value: float | None) -> float:
    return float("nan") if value is None else value
