"""artifact + held-out slice -> a registered version with its metrics."""

from typing import Any

import pyarrow as pa

from include.config.code_version import read_code_version
from include.config.pipeline import PipelineConfig
from include.core.estimators import make_baseline, predict_scores
from include.core.evaluation import measure_all
from include.core.training import sample_rows
from include.io.artifacts import load_model
from include.io.lake import ObjectRef, make_attempt_id
from include.io.monitoring import without_nan
from include.io.registry import NewVersion, register_version
from include.io.resources import Resources
from include.io.tables import store_table
from include.steps.outcome import Outcome
from include.steps.train.training_set import TrainingSet, read_training_set


def evaluate_candidate(
    config: PipelineConfig, resources: Resources, assembled: dict[str, Any], fitted: dict[str, Any], run_id: str
) -> Outcome:
    """Measure candidate and naive baseline on the held-out slice, keep a sample of the training features for drift.

    `run_id` makes a retry find the version that it registered before. Figures: version, metrics.
    """
    data = read_training_set(config, resources, assembled)
    artifact = ObjectRef.from_record(fitted["artifact"])
    metrics = without_nan(measure_candidate(config, load_model(resources.lake, artifact), data))
    reference = store_reference(config, resources, data)
    metrics |= {"reference_rows": reference.rows, "trials": without_nan(fitted["trials"])}
    new = NewVersion(
        run_id=run_id,
        artifact=artifact,
        reference=reference,
        config_sha256=config.config_sha256,
        code_version=read_code_version(config.folder),
        train_from=data.window.train_from,
        train_to=data.window.train_to,
        holdout_from=data.window.holdout_from,
        holdout_to=data.window.holdout_to,
        rows=len(data.train.rows),
        estimator=fitted["estimator"],
        parameters=fitted["parameters"],
        features={"numeric": list(config.spec.features.numeric), "categorical": list(config.spec.features.categorical)},
        inputs=assembled["inputs"],
        seed=config.spec.training.seed,
        metrics=metrics,
    )
    with resources.warehouse.begin() as connection:
        version = register_version(connection, config.name, new)
    return Outcome("done", figures={"version": version, "metrics": metrics})


def measure_candidate(config: PipelineConfig, model: Any, data: TrainingSet) -> dict[str, Any]:
    """The held-out metrics, beside those on the training slice and those of the baseline."""
    task = config.spec.task
    baseline = make_baseline(task).fit(data.train.rows, data.train.target)
    return {
        **measure_all(task, data.holdout.target, predict_scores(model, task, data.holdout.rows)),
        "train": measure_all(task, data.train.target, predict_scores(model, task, data.train.rows)),
        "baseline": measure_all(task, data.holdout.target, predict_scores(baseline, task, data.holdout.rows)),
        "holdout_rows": len(data.holdout.rows),
    }


def store_reference(config: PipelineConfig, resources: Resources, data: TrainingSet) -> ObjectRef:
    """A seeded sample of the training features: what drift is measured against while this version is in charge."""
    chosen = sample_rows(len(data.train.rows), config.spec.drift.sample_rows, config.spec.training.seed)
    table = pa.Table.from_pandas(data.train.rows.iloc[chosen], preserve_index=False)
    return store_table(resources.lake, f"models/{config.name}/reference/{make_attempt_id()}.parquet", table)
