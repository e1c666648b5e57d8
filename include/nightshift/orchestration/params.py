"""The forms that Airflow shows when a DAG is triggered by hand."""

from collections.abc import Mapping
from typing import Any

from airflow.sdk import Param

from nightshift.config.model import Parameter
from nightshift.config.names import MAX_VERSIONS, suggest_name
from nightshift.config.pipeline import PipelineConfig
from nightshift.config.sections.retention import GRACE, MIN_GRACE
from nightshift.errors import NightshiftError

# What Airflow itself may add to the conf of a run that another DAG triggered.
ADDED_BY_AIRFLOW = {"openlineage"}
RESCORE = (("from", "first"), ("to", "last"))


def make_date_param(title: str, description: str) -> Param:
    """A date, or nothing."""
    return Param(None, description, type=["null", "string"], format="date", title=title)


def make_ingest_params(pipeline: PipelineConfig) -> dict[str, Param]:
    """The partition, and what the pipeline's own source function takes."""
    return {"partition": make_partition_param("ingest"), **_make_source_params(pipeline)}


def make_score_params() -> dict[str, Param]:
    """The partition, and which model scores."""
    text = "The model version to score with. Empty: the champion."
    version = Param(None, text, type=["null", "integer"], minimum=1, maximum=MAX_VERSIONS, title="Model version")
    text = "Score with the champion of that time: a day (its end) or a time as 2026-11-20T08:30. Empty: of now."
    as_of = Param(None, text, type=["null", "string"], maxLength=40, title="As of")
    return {"partition": make_partition_param("score"), "version": version, "as_of": as_of}


def make_train_params() -> dict[str, Param]:
    """The window, and why."""
    return {
        "train_from": make_date_param("Train from", "The first day. Empty: as training.window_days says."),
        "train_to": make_date_param("Train to", "The last day. Empty: the last one whose outcomes were known."),
        "as_of": make_as_of_param(),
        # Not an empty string: Airflow's form takes that for a field that must be filled in.
        "reason": Param(None, "Kept with the promotion.", type=["null", "string"], maxLength=1000, title="Reason"),
    }


def make_drift_params() -> dict[str, Param]:
    """The day that is looked at."""
    return {"as_of": make_as_of_param()}


def make_rollback_params() -> dict[str, Param]:
    """Where to, why, and what is scored again."""
    text = "The version to go back to. Empty: the previous champion."
    version = Param(None, text, type=["null", "integer"], minimum=1, maximum=MAX_VERSIONS, title="Version")
    # Without a default, so that the form asks for it.
    reason = Param(
        description="Kept with the promotion and with what is scored again.",
        type="string",
        minLength=1,
        maxLength=1000,
        pattern=r"\S",
        title="Reason",
    )
    text = "day to score again with that version. Empty, as the other one: nothing is scored again."
    first, last = (make_date_param(f"Rescore {word}", f"The {which} {text}") for word, which in RESCORE)
    return {"version": version, "reason": reason, "rescore_from": first, "rescore_to": last}


def make_quarantine_params() -> dict[str, Param]:
    """Which days, whether to look or to replay, and why."""
    first, last = (
        make_date_param(f"{which.capitalize()} day", f"The {which} day whose quarantine counts. Empty: no limit.")
        for _, which in RESCORE
    )
    text = "look: the rows by reason, in the log. replay: validate all of them again, after a fix."
    action = Param("look", text, enum=["look", "replay"], title="Action")
    text = "Needed to replay: why; kept with the replay."
    reason = Param(None, text, type=["null", "string"], maxLength=1000, title="Reason")
    return {"action": action, "first_day": first, "last_day": last, "reason": reason}


def make_maintenance_params() -> dict[str, Param]:
    """Whether anything is removed, of which pipeline, and how patient the sweep is."""
    text = "On: nothing is removed; the task `survey` lists what would be. Read that first, then trigger with it off."
    dry_run = Param(True, text, type="boolean", title="Dry run")
    pipeline = Param(None, "Only this pipeline. Empty: all.", type=["null", "string"], maxLength=63, title="Pipeline")
    text = "Days for which objects that nothing refers to are kept, since a run may be about to refer to them."
    grace = Param(GRACE, text, type="integer", minimum=MIN_GRACE, maximum=3650, title="Grace")
    return {"dry_run": dry_run, "pipeline": pipeline, "grace": grace}


def make_partition_param(verb: str) -> Param:
    """The day that a run works on."""
    return make_date_param("Partition", f"The day to {verb}. Empty where Advanced Options, Partition Key says it.")


def make_as_of_param() -> Param:
    """The day whose knowledge counts."""
    return make_date_param("As of", "Nothing later is used. Empty: the newest partition that was ingested.")


def pick_source_params(pipeline: PipelineConfig, params: Mapping[str, Any]) -> dict[str, Any] | None:
    """The values meant for the pipeline's own source function, where it has one."""
    return {name: params[name] for name in pipeline.spec.source.run_params} or None


def check_conf(conf: Mapping[str, Any] | None, known: set[str]) -> None:
    """NightshiftError for a key that the DAG has no param for: a misspelt one must not be ignored."""
    for key in sorted(set(conf or ()) - known - ADDED_BY_AIRFLOW):
        near = suggest_name(key, known)
        hint = f"did you mean {near!r}?" if near else f"there are: {', '.join(sorted(known))}"
        raise NightshiftError(f"The run's configuration has {key!r}, which this DAG has no param for; {hint}")


def _make_source_params(pipeline: PipelineConfig) -> dict[str, Param]:
    source = pipeline.spec.source
    return {
        name: Param(
            value, f"Passed to {source.describe()}.", title=name, **_make_schema(value, source.run_choices.get(name))
        )
        for name, value in source.run_params.items()
    }


def _make_schema(value: Parameter, choices: tuple[Parameter, ...] | None) -> dict[str, Any]:
    """The JSON schema of one value; a bool is an int to Python, but not to a form."""
    if choices:
        return {"enum": list(choices)}
    if value is None:
        return {"type": ["null", "string"]}
    names = {bool: "boolean", int: "integer", float: "number", str: "string"}
    return {"type": names[type(value)]}
