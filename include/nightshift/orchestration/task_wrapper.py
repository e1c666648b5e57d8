"""From a step to an Airflow task: outcomes become states; misconfiguration fails at once, what may pass is retried."""

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from inspect import signature
from typing import Any, get_args, get_origin, get_type_hints, is_typeddict

from airflow.sdk import Context, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from nightshift.config.loading import load_named_pipeline
from nightshift.config.pipeline import PipelineConfig
from nightshift.errors import NightshiftError, TemporarilyUnavailable
from nightshift.orchestration.connections import read_connection
from nightshift.orchestration.params import check_conf
from nightshift.steps.handover import take
from nightshift.steps.outcome import Outcome

log = logging.getLogger(__name__)


def step_task(call: Callable[..., Outcome]) -> Any:
    """An Airflow task from a function that calls one step; its docstring becomes the task's documentation."""
    return task(_run_step(call))


def mapped_source_task(figure: str) -> Callable[[Callable[..., Outcome]], Any]:
    """The same, but what the task gives on is this figure of the outcome, a list to map another task over."""
    return lambda call: task(_run_step(call, lambda figures: figures[figure]))


def _run_step(call: Callable[..., Outcome], choose: Callable[[dict[str, Any]], Any] = lambda figures: figures) -> Any:
    kinds = find_handovers(call)

    @wraps(call)
    def run(*args: Any, **kwargs: Any) -> Any:
        context = get_current_context()
        try:
            check_conf(context["dag_run"].conf, set(context["dag"].params))
            check_handovers(kinds, signature(call).bind(*args, **kwargs).arguments)
            return choose(report_outcome(call(*args, **kwargs), context))
        except NightshiftError as error:
            # Airflow shows a traceback around its message, so say it plainly as well.
            log.error("%s", error)
            if isinstance(error, TemporarilyUnavailable):
                raise
            raise AirflowFailException(str(error)) from None

    return run


def find_handovers(call: Callable[..., Outcome]) -> dict[str, type[Any]]:
    """The task's parameters that another task hands over, with what they are; of a list, what its items are."""
    hints = get_type_hints(call).items()
    inner = {name: get_args(hint)[0] if get_origin(hint) is Sequence else hint for name, hint in hints}
    return {name: kind for name, kind in inner.items() if is_typeddict(kind)}


def check_handovers(kinds: Mapping[str, type[Any]], given: Mapping[str, Any]) -> None:
    """NightshiftError where a handover lacks something, with the task to clear."""
    for name, kind in kinds.items():
        # What several mapped tasks hand over comes as a lazy sequence.
        for figures in given[name] if name in given and not isinstance(given[name], Mapping) else (given.get(name),):
            take(kind, figures)


def report_outcome(outcome: Outcome, context: Context) -> dict[str, Any]:
    """The figures of a step that is done; a stopped one fails without a retry, a skipped one skips, with the reason."""
    if outcome.status == "done":
        return outcome.figures
    log.warning("%s: %s", outcome.status.capitalize(), outcome.reason)
    context["ti"].xcom_push("outcome", {"status": outcome.status, "reason": outcome.reason, **outcome.figures})
    raise (AirflowFailException if outcome.status == "stopped" else AirflowSkipException)(outcome.reason)


def open_pipeline(name: str) -> tuple[PipelineConfig, Any]:
    """The pipeline and the warehouse, lake and connections of this run: what every step takes first."""
    # Imported here: it brings SQLAlchemy and the lake's libraries, which parsing must not pay for.
    from nightshift.io.resources import open_resources

    return load_named_pipeline(name), open_resources(read_connection)
