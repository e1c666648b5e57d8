"""training set -> model artifact."""

import logging
from typing import Any

from include.config.pipeline import PipelineConfig
from include.core.training import Trial
from include.core.training import tune_and_fit as search_and_fit
from include.errors import NightshiftError
from include.io.artifacts import store_model
from include.io.lake import make_attempt_id
from include.io.resources import Resources
from include.steps.outcome import Outcome
from include.steps.train.training_set import read_training_set

log = logging.getLogger(__name__)


def tune_and_fit(config: PipelineConfig, resources: Resources, assembled: dict[str, Any]) -> Outcome:
    """Search on the earlier slice of time, fit the best setting on it, store it.

    Figures: artifact, estimator, parameters, trials.
    """
    train = read_training_set(config, resources, assembled).train
    metric = config.spec.training.metric

    def report(trial: Trial) -> None:
        log.info("%s %s: %s %.5f %s", trial.setting.kind, trial.setting.parameters, metric, trial.value, trial.failure)

    try:
        fitted = search_and_fit(train.rows, train.target, train.days, config.spec, report)
    except ValueError as error:
        raise NightshiftError(f"{config.name}: {error}") from error
    artifact = store_model(resources.lake, config.name, fitted.model, make_attempt_id())
    trials = [
        {
            "estimator": trial.setting.kind,
            "parameters": trial.setting.parameters,
            metric: trial.value,
            "failure": trial.failure,
        }
        for trial in fitted.trials
    ]
    figures = {
        "artifact": artifact.to_record(),
        "estimator": fitted.setting.kind,
        "parameters": fitted.setting.parameters,
        "trials": trials,
    }
    return Outcome("done", figures=figures)
