"""artifact + held-out slice -> a registered version with its metrics."""

from dataclasses import asdict
from typing import Any

import numpy as np

from nightshift.config.code_version import read_code_version
from nightshift.config.json_values import without_nan
from nightshift.config.pipeline import PipelineConfig
from nightshift.core.estimators.kinds import make_baseline, predict_scores
from nightshift.core.evaluation.importance import measure_importance
from nightshift.core.evaluation.metrics import measure_all
from nightshift.core.evaluation.single_feature import measure_single_features
from nightshift.core.predictors import make_predictor
from nightshift.core.training.thresholds import measure_decision
from nightshift.io.artifacts import load_model
from nightshift.io.lake.base import ObjectRef
from nightshift.io.registry import NewVersion, register_version
from nightshift.io.resources import Resources
from nightshift.steps.handover import Assembled, Fitted
from nightshift.steps.outcome import Outcome
from nightshift.steps.serving.check import store_golden
from nightshift.steps.serving.predictors import describe_predictor
from nightshift.steps.train.reference import store_reference
from nightshift.steps.train.training_set import TrainingSet, read_training_set


def evaluate_candidate(
    config: PipelineConfig, resources: Resources, assembled: Assembled, fitted: Fitted, run_id: str
) -> Outcome:
    """Measure candidate and naive baseline on the held-out slice; keep what the gate, drift and the card need later.

    `run_id` makes a retry find the version that it registered before. Figures: version, metrics.
    """
    spec = config.spec
    data = read_training_set(config, resources, assembled)
    artifact = ObjectRef.from_record(fitted["artifact"])
    model, rows = load_model(resources.lake, artifact), data.holdout.rows[list(spec.features.names)]
    predicted = predict_scores(model, spec.task, rows)
    reference = store_reference(config, resources, assembled, data, model, predicted)
    metrics = {
        **measure_candidate(config, model, data, predicted),
        **_measure_decision(config, fitted, data, predicted),
        "reference_rows": reference.rows,
        **{name: fitted[name] for name in ("calibration", "searched_to")},
        "calibration_refused": fitted.get("calibration_refused", ""),
    }
    predictor = make_predictor(model, spec.task, spec.features.numeric, spec.features.categorical)
    new = NewVersion(
        run_id=run_id,
        artifact=artifact,
        reference=reference,
        config_sha256=config.config_sha256,
        code_version=read_code_version(config.folder),
        **asdict(data.window),
        rows=len(data.train.rows),
        estimator=fitted["estimator"],
        parameters=fitted["parameters"],
        features={name: list(getattr(spec.features, name)) for name in ("numeric", "categorical")},
        inputs=assembled["inputs"],
        seed=spec.training.seed,
        metrics=without_nan(metrics),
        golden=store_golden(config, resources, rows, predicted),
        threshold=fitted["threshold"],
        decision_rule=fitted["decision_rule"],
        predictor=describe_predictor(predictor),
    )
    with resources.warehouse.begin() as connection:
        version = register_version(connection, config.name, new)
    return Outcome("done", figures={"version": version, "metrics": new.metrics})


def measure_candidate(config: PipelineConfig, model: Any, data: TrainingSet, predicted: np.ndarray) -> dict[str, Any]:
    """The held-out metrics of the predictions, beside those on the training slice and those of the naive baseline.

    Then what each feature adds (`importance`) and what it reaches alone (`alone`), on held-out rows as well.
    """
    spec, train, target = config.spec, data.train, data.holdout.target
    rows = data.holdout.rows[list(spec.features.names)]
    baseline = make_baseline(spec.task).fit(train.rows, train.target)
    names = spec.features
    return {
        **measure_all(spec.metrics, target, predicted),
        "train": measure_all(spec.metrics, train.target, predict_scores(model, spec.task, train.rows)),
        "baseline": measure_all(spec.metrics, target, predict_scores(baseline, spec.task, rows)),
        "holdout_rows": len(rows),
        "importance": measure_importance(model, spec.task, spec.training.metric, rows, target, spec.training.seed),
        "alone": measure_single_features(
            (train.rows, train.target), (rows, target), names.numeric, names.categorical, spec.task, spec.training.seed
        ),
    }


def _measure_decision(
    config: PipelineConfig, fitted: Fitted, data: TrainingSet, predicted: np.ndarray
) -> dict[str, Any]:
    """For classifiers: what the decisions at the chosen threshold are worth on the held-out rows."""
    if fitted["threshold"] is None:
        return {}
    return {"decision": measure_decision(config.spec.scoring.rule, data.holdout.target, predicted, fitted["threshold"])}
