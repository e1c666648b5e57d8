"""Which DAGs exist, and the order of tasks that the guarantees rest on."""

from datetime import timedelta
from typing import Any

import jsonschema
import pytest
from airflow.sdk import DAG
from airflow.sdk.definitions.param import NOTSET
from airflow.serialization.serialized_objects import DagSerialization

from nightshift.config.loading import LoadedPipelines
from tests.dags.kit import DAGS, PIPELINES, load_timetable, parse_dags

KINDS = ("ingest", "score", "train", "drift", "rollback", "quarantine")
CRITICAL_PATHS = {
    "ingest": ["extract", "validate", "build_features"],
    "score": ["score", "publish"],
    "train": ["assemble", "check", "tune_and_fit", "evaluate", "gate", "cards", "promote"],
    "drift": ["compare", "measure_performance", "decide", "start_training"],
    "rollback": ["roll_back", "rescore"],
    "quarantine": ["look", "replay", "check"],
}
OUTLETS = {
    "ingest": {"build_features": "features"},
    "score": {"publish": "scores"},
    "train": {"promote": "champion"},
    "drift": {},
    "rollback": {"roll_back": "champion", "rescore": "scores"},
    "quarantine": {"replay": "features"},
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def dag(dag_bag: Any, pipeline: Any, kind: str) -> DAG:
    return dag_bag.dags[f"{pipeline.name}_{kind}"]


def test_every_pipeline_has_its_dags_and_nothing_else_exists(dag_bag: Any) -> None:
    own = {f"{name}_{kind}" for name in PIPELINES for kind in KINDS}
    assert set(dag_bag.dags) == own | {"nightshift_maintenance"}
    assert {"churn", "flights", "bikes", "metro"} <= set(PIPELINES)


def test_all_dag_files_load(dag_bag: Any) -> None:
    assert dag_bag.import_errors == {}


def test_each_task_of_the_critical_path_waits_for_the_one_before(dag: DAG, kind: str) -> None:
    """So publishing follows scoring, features follow validation, and promotion follows the gate."""
    path = CRITICAL_PATHS[kind]
    assert set(dag.task_ids) - {"notify"} == set(path)
    for position, name in enumerate(path):
        assert dag.get_task(name).get_flat_relative_ids(upstream=True) == set(path[:position])


def test_a_task_runs_only_when_all_before_it_succeeded(dag: DAG) -> None:
    """A stopped batch or a failed gate must not be stepped over."""
    assert {task.trigger_rule for task in dag.tasks if task.task_id != "notify"} == {"all_success"}


def test_the_last_task_alone_announces_the_asset(dag: DAG, kind: str, pipeline: Any) -> None:
    """Announced earlier, scoring would start on features that don't exist."""
    found = {task.task_id: asset.name for task in dag.tasks for asset in task.outlets}
    assert found == {task: f"{pipeline.name}/{asset}" for task, asset in OUTLETS[kind].items()}


def test_a_failed_task_is_retried_and_no_task_runs_for_ever(dag: DAG) -> None:
    for task in dag.tasks:
        assert task.retries >= 2
        assert task.retry_delay <= timedelta(minutes=1)
        assert task.execution_timeout is not None


def test_heavy_tasks_share_the_pool_for_them(dag_bag: Any, pipeline: Any) -> None:
    pools = {task.task_id: task.pool for kind in KINDS for task in dag_bag.dags[f"{pipeline.name}_{kind}"].tasks}
    assert {name for name, pool in pools.items() if pool == "nightshift_heavy"} == {
        "assemble",
        "tune_and_fit",
        "evaluate",
        "compare",
    }


def test_whoever_is_on_duty_can_read_what_a_dag_and_its_tasks_do(dag: DAG, kind: str, pipeline: Any) -> None:
    assert pipeline.spec.title in dag.doc_md
    assert pipeline.spec.description.strip() in dag.doc_md
    assert ("Data: simulated" in dag.doc_md) == pipeline.spec.simulated
    assert "NAME" not in dag.doc_md
    assert dag.tags == {"nightshift", pipeline.name, kind, "simulated" if pipeline.spec.simulated else "real data"}
    assert {task.owner for task in dag.tasks} == {pipeline.spec.owner}
    assert all(task.doc_md for task in dag.tasks)


def test_asset_scheduled_dags_have_room_for_more_than_one_run(dag_bag: Any, pipeline: Any) -> None:
    """Airflow 3.3 drops asset events of a DAG with max_active_runs=1 (apache/airflow#56050)."""
    assert dag_bag.dags[f"{pipeline.name}_score"].max_active_runs > 1


def test_scoring_and_retraining_are_on_from_the_start(dag_bag: Any, pipeline: Any) -> None:
    """Asset events for a paused DAG are lost, and a triggered run of a paused DAG waits for ever."""
    assert dag_bag.dags[f"{pipeline.name}_score"].is_paused_upon_creation is False
    if pipeline.spec.schedules.train is None:
        assert dag_bag.dags[f"{pipeline.name}_train"].is_paused_upon_creation is False


def test_the_forms_offer_what_may_be_chosen(dag_bag: Any) -> None:
    forms = {kind: dag_bag.dags[f"churn_{kind}"].params for kind in KINDS}
    assert list(forms["ingest"]) == ["partition", "scenario", "subscribers", "seed"]
    assert forms["ingest"].get_param("scenario").schema["enum"] == ["calm", "drift", "bad_batch"]
    assert forms["ingest"].get_param("subscribers").schema["type"] == "integer"
    assert set(forms["score"]) == {"partition", "version", "as_of"}
    assert set(forms["train"]) == {"train_from", "train_to", "as_of", "reason"}
    assert set(forms["drift"]) == {"as_of"}


def test_dags_survive_serialization_and_parse_to_the_same_twice(dag: DAG, dag_bag: Any) -> None:
    """Otherwise every parse would make a new version of the DAG."""
    again = parse_dags(dag.fileloc).dags[dag.dag_id]
    assert DagSerialization.to_dict(again) == DagSerialization.to_dict(dag)


def test_scoring_follows_the_features_of_the_same_pipeline_only(dag_bag: Any, pipeline: Any) -> None:
    timetable = load_timetable(dag_bag.dags[f"{pipeline.name}_score"])
    assert [asset.name for _, asset in timetable.asset_condition.iter_assets()] == [f"{pipeline.name}/features"]


def test_schedules_are_those_of_the_pipeline_file(dag_bag: Any, pipeline: Any) -> None:
    schedules = pipeline.spec.schedules
    for kind, cron in (("ingest", schedules.ingest), ("drift", schedules.drift), ("train", schedules.train)):
        timetable = load_timetable(dag_bag.dags[f"{pipeline.name}_{kind}"])
        assert timetable.can_be_scheduled is (cron is not None)
        assert cron is None or (timetable.summary, str(timetable._timezone.name)) == (cron, schedules.timezone)


def test_every_field_of_a_form_is_filled_in_or_may_stay_empty(dag: DAG) -> None:
    """Airflow's form refuses an empty text unless null is among the types."""
    for name in dag.params:
        param = dag.params.get_param(name)
        assert param.value not in ("", []), name
        assert param.value is not None or "null" in param.schema["type"], name


def test_a_pipeline_with_shards_plans_them_and_publishes_them_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    churn = PIPELINES["churn"]
    scoring = churn.spec.scoring.model_copy(update={"shard_rows": 1000})
    sharded = churn.model_copy(update={"spec": churn.spec.model_copy(update={"scoring": scoring})})
    monkeypatch.setattr("nightshift.config.loading.load_pipelines", lambda: LoadedPipelines((sharded,), ()))
    dag = parse_dags(DAGS / "score.py").dags["churn_score"]
    assert {task.task_id: (task.is_mapped, task.downstream_task_ids) for task in dag.tasks} == {
        "plan": (False, {"score"}),
        "score": (True, {"publish"}),
        "publish": (False, {"notify"}),
        "notify": (False, set()),
    }
    stored = DagSerialization.to_dict(dag)
    assert DagSerialization.from_dict(stored).task_dict["score"].is_mapped
    (mapped,) = (task["__var"] for task in stored["dag"]["tasks"] if task["__var"]["task_id"] == "score")
    assert not mapped["partial_kwargs"].get("params")


def test_the_form_of_a_dag_is_kept_with_the_dag_and_not_with_each_task(dag: DAG) -> None:
    kept = DagSerialization.to_dict(dag)["dag"]
    assert bool(kept.get("params")) == bool(dag.params)
    assert [task["__var"]["task_id"] for task in kept["tasks"] if task["__var"].get("params")] == []


def test_the_defaults_of_every_form_fit_their_schemas(dag: DAG) -> None:
    """Airflow is not asked when it reads the file. Only what a person has to fill in has no default."""
    for name, field in dag.params.items():
        jsonschema.Draft202012Validator.check_schema(field.schema)
        assert field.value is NOTSET or field.resolve() == field.value
        assert field.value is not NOTSET or (dag.dag_id.endswith("_rollback") and name == "reason")
