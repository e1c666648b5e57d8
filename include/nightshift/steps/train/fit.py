"""training set -> model artifact, and every trial of the search in the warehouse."""

import logging
from dataclasses import asdict
from datetime import date
from typing import Any

from nightshift.config.json_values import without_nan
from nightshift.config.pipeline import PipelineConfig
from nightshift.core.training.fit import Fitted
from nightshift.core.training.fit import tune_and_fit as search_and_fit
from nightshift.core.training.search import Trial
from nightshift.core.training.search_space import Setting
from nightshift.errors import NightshiftError
from nightshift.io.artifacts import store_model
from nightshift.io.lake.base import make_attempt_id
from nightshift.io.registry import find_newest
from nightshift.io.registry.trials import record_trials
from nightshift.io.resources import Resources
from nightshift.prefetch import count_workers
from nightshift.steps.handover import Assembled
from nightshift.steps.outcome import Outcome
from nightshift.steps.train.training_set import TrainingSet, read_training_set

log = logging.getLogger(__name__)


def tune_and_fit(config: PipelineConfig, resources: Resources, assembled: Assembled, run_id: str) -> Outcome:
    """Search on the earlier slice of time, fit the best setting on it, store it.

    Within training.search_every_days days of a search its setting is fitted again instead.
    Figures: artifact, estimator, parameters, trials (how many), searched_to (the last day of the rows that the setting
    was found on), calibration, calibration_refused (why none is
    used where one was tried), threshold, decision_rule.
    """
    data = read_training_set(config, resources, assembled)
    known, searched_to = find_known_setting(config, resources, data.window.train_to)
    fitted = _search(config, resources, data, run_id, known)
    artifact = store_model(resources.lake, config.name, fitted.model, make_attempt_id())
    figures = {
        "artifact": artifact.to_record(),
        "estimator": fitted.setting.kind,
        "parameters": fitted.setting.parameters,
        "trials": len(fitted.trials),
        "searched_to": str(searched_to),
        "calibration": fitted.calibration,
        "calibration_refused": fitted.calibration_refused,
        "threshold": fitted.threshold,
        "decision_rule": without_nan(fitted.decision_rule),
    }
    return Outcome("done", figures=figures)


def find_known_setting(config: PipelineConfig, resources: Resources, train_to: date) -> tuple[Setting | None, date]:
    """The newest version's setting, where it was searched for under this pipeline.yaml and not too long ago.

    With it, or with None where a search is due, the last day of the rows that the setting is found on.
    """
    with resources.warehouse.begin() as connection:
        newest = find_newest(connection, config.name)
    searched = newest.metrics.get("searched_to") if newest else None
    if newest is None or searched is None or newest.config_sha256 != config.config_sha256:
        return None, train_to
    searched_to = date.fromisoformat(searched)
    if not 0 <= (train_to - searched_to).days < config.spec.training.search_every_days:
        return None, train_to
    return Setting(newest.estimator, newest.parameters), searched_to


def _search(
    config: PipelineConfig, resources: Resources, data: TrainingSet, run_id: str, known: Setting | None
) -> Fitted:
    """Search, and keep the trials, also those of a search that fails as a whole."""
    train, metric = data.train, config.spec.training.metric
    ended: list[Trial] = []

    def report(trial: Trial, place: str) -> None:
        ended.append(trial)
        setting, reached = trial.setting, trial.failure or f"{metric} {trial.value:.5f}"
        chosen = ", ".join(f"{name} {value}" for name, value in setting.parameters.items()) or "defaults"
        log.info("%s: %s (%s): %s (%.1f s)", place, setting.kind, chosen, reached, trial.seconds)

    def record() -> None:
        with resources.warehouse.begin() as connection:
            record_trials(connection, config.name, run_id, metric, [_describe(trial) for trial in ended])

    try:
        fitted = search_and_fit(train.rows, train.target, train.days, config.spec, report, known, count_workers())
    except ValueError as error:
        record()
        raise NightshiftError(f"{config.name}: {error}") from error
    record()
    return fitted


def _describe(trial: Trial) -> dict[str, Any]:
    fields = {key: value for key, value in asdict(trial).items() if key != "setting"}
    return {**fields, "estimator": trial.setting.kind, "parameters": trial.setting.parameters}
