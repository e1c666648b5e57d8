"""Tasks of NAME_ingest."""

from airflow.sdk import get_current_context

from nightshift.orchestration.assets import announce_partition
from nightshift.orchestration.params import pick_source_params
from nightshift.orchestration.partitions import choose_partition
from nightshift.orchestration.task_wrapper import open_pipeline, step_task
from nightshift.steps.handover import Extracted, Validated
from nightshift.steps.outcome import Outcome


@step_task
def extract(pipeline: str) -> Outcome:
    """Fetch the day's rows from the source and keep them in the lake as they came."""
    from nightshift.steps.ingest.extract import extract_partition

    config, resources = open_pipeline(pipeline)
    context = get_current_context()
    params = pick_source_params(config, context["params"])
    return extract_partition(config, resources, choose_partition(context["dag_run"], context["params"]), params)


@step_task
def validate(pipeline: str, extracted: Extracted) -> Outcome:
    """Check the rows against expectations.yaml. Bad rows go to quarantine; a bad batch stops here."""
    from nightshift.io.lake.base import ObjectRef
    from nightshift.steps.ingest.validate import validate_partition

    context = get_current_context()
    partition = choose_partition(context["dag_run"], context["params"])
    return validate_partition(*open_pipeline(pipeline), partition, ObjectRef.from_record(extracted["raw"]))


@step_task
def build_features(pipeline: str, validated: Validated) -> Outcome:
    """Turn the valid rows into features, point in time; then scoring starts."""
    from nightshift.io.lake.base import ObjectRef
    from nightshift.steps.ingest.build_features import build_partition_features

    context = get_current_context()
    partition = choose_partition(context["dag_run"], context["params"])
    valid = ObjectRef.from_record(validated["valid"])
    outcome = build_partition_features(*open_pipeline(pipeline), partition, valid)
    announce_partition(context, partition)
    return outcome
