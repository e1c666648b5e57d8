"""ml.trials: every setting that a search tried."""

from typing import Any

from sqlalchemy import Connection, func, insert, select, text

from nightshift.config.json_values import without_nan
from nightshift.io.warehouse.schema import TRIALS

_COMPARED = ("rung", "estimator", "parameters", "rows", "value", "fold_values", "failure")


def record_trials(
    connection: Connection, pipeline: str, run_id: str, metric: str, trials: list[dict[str, Any]]
) -> None:
    """Keep the trials of a search; repeating it changes nothing.

    Each has number, rung, estimator, parameters, rows, value, fold_values, seconds and failure. Where a run's search is
    repeated and comes out differently, as after a correction of its settings, it is numbered on after the former one.
    """
    connection.execute(
        text("select pg_advisory_xact_lock(hashtextextended(:name, 4))"), {"name": f"{pipeline}/{run_id}"}
    )
    kept = [{**without_nan(trial), "pipeline": pipeline, "run_id": run_id, "metric": metric} for trial in trials]
    known = list_trials(connection, pipeline, run_id)
    if not kept or [_compare(trial) for trial in known[-len(kept) :]] == [_compare(trial) for trial in kept]:
        return
    numbered = [{**trial, "number": len(known) + number} for number, trial in enumerate(kept)]
    connection.execute(insert(TRIALS).values(tried_at=func.now()), numbered)


def list_trials(connection: Connection, pipeline: str, run_id: str) -> list[dict[str, Any]]:
    """Every setting that the training tried, in order."""
    trials = TRIALS.c
    statement = select(TRIALS).where(trials.pipeline == pipeline, trials.run_id == run_id).order_by(trials.number)
    return [dict(row) for row in connection.execute(statement).mappings()]


def _compare(trial: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(trial[name] for name in _COMPARED)
