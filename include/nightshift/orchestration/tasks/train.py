"""Tasks of NAME_train."""

from typing import Any

from airflow.sdk import get_current_context

from nightshift.config.pipeline import PipelineConfig
from nightshift.orchestration.approval import ApprovePromotion
from nightshift.orchestration.as_of import read_as_of
from nightshift.orchestration.partitions import parse_partition
from nightshift.orchestration.task_wrapper import open_pipeline, step_task
from nightshift.steps.handover import Assembled, Evaluated, Fitted, Judged
from nightshift.steps.outcome import Outcome


@step_task
def assemble(pipeline: str) -> Outcome:
    """Collect the features of the window and the outcomes that were known by then."""
    from nightshift.steps.train import assemble_training_set

    config, resources = open_pipeline(pipeline)
    params = get_current_context()["params"]
    window = [parse_partition(params[name]) if params[name] else None for name in ("train_from", "train_to")]
    return assemble_training_set(config, resources, read_as_of(config, resources), *window)


@step_task
def check(pipeline: str, assembled: Assembled) -> Outcome:
    """Stop where the training set can't teach anything: too few rows, one class only, empty columns."""
    from nightshift.steps.train import check_training_set

    return check_training_set(*open_pipeline(pipeline), assembled)


@step_task
def tune_and_fit(pipeline: str, assembled: Assembled) -> Outcome:
    """Search the settings on folds in order of time, then fit the candidate."""
    from nightshift.steps.train import tune_and_fit

    run_id = get_current_context()["dag_run"].run_id
    return tune_and_fit(*open_pipeline(pipeline), assembled, run_id)


@step_task
def evaluate(pipeline: str, assembled: Assembled, fitted: Fitted) -> Outcome:
    """Measure the candidate on the last slice of time and register it as a version."""
    from nightshift.steps.train import evaluate_candidate

    run_id = get_current_context()["dag_run"].run_id
    return evaluate_candidate(*open_pipeline(pipeline), assembled, fitted, run_id)


@step_task
def gate(pipeline: str, assembled: Assembled, evaluated: Evaluated) -> Outcome:
    """Decide whether the candidate may take over, and keep every rule's figures."""
    from nightshift.steps.train import judge_candidate

    return judge_candidate(*open_pipeline(pipeline), assembled, evaluated["version"])


@step_task
def cards(pipeline: str, assembled: Assembled, evaluated: Evaluated) -> Outcome:
    """Write the model card and the data card of the candidate, with what the gate decided."""
    from nightshift.steps.train.cards import write_cards

    return write_cards(*open_pipeline(pipeline), assembled, evaluated["version"])


def ask_for_approval(pipeline: PipelineConfig, evaluated: Any, judged: Any) -> ApprovePromotion | None:
    """The task `approve`, where `gate.approval` may need a person."""
    gate = pipeline.spec.gate
    if gate.approval == "never":
        return None
    return ApprovePromotion(
        task_id="approve", pipeline=pipeline.name, hours=gate.approval_hours, evaluated=evaluated, judged=judged
    )


@step_task
def promote(
    pipeline: str,
    assembled: Assembled,
    evaluated: Evaluated,
    judged: Judged,
    answer: dict[str, Any] | None,
) -> Outcome:
    """Make the candidate the champion where the gate, or who was asked, says so; otherwise skip, with the reason."""
    from nightshift.steps.train import Promoter, promote_candidate
    from nightshift.steps.train.decline import decline_candidate

    config, resources = open_pipeline(pipeline)
    if answer and not answer["approved"]:
        return decline_candidate(config, resources, evaluated["version"], judged, answer["reason"])
    context = get_current_context()
    approved_by, note = (answer["by"], answer["note"]) if answer else (None, "")
    reason = "; ".join(filter(None, (context["params"]["reason"], note)))
    promoter = Promoter(get_promoter(context["dag_run"]), reason, approved_by)
    return promote_candidate(config, resources, assembled, evaluated["version"], judged, promoter)


def get_promoter(run: Any) -> str:
    """Who is behind the run: the drift policy, the schedule, or the person who triggered it."""
    if run.run_type == "operator_triggered":
        return "drift policy"
    return "schedule" if run.run_type == "scheduled" else run.triggering_user_name or "unknown"
