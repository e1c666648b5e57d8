"""Pipeline folders: what is accepted, and how what is not is told."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from nightshift.config.expectations import BATCH_EXPECTATIONS, ROW_EXPECTATIONS
from nightshift.config.loading import PipelineRefused, load_pipeline, load_pipelines
from nightshift.config.pipeline_folders import PIPELINES_FOLDER
from tests.kits.pipelines import SPEC, make_spec, write_pipeline


def refuse(folder: Path, spec: Any = None, suite: Any = None, name: str = "shops") -> str:
    with pytest.raises(PipelineRefused) as caught:
        load_pipeline(write_pipeline(folder, spec, suite, name))
    return str(caught.value)


def test_a_valid_folder_loads(tmp_path: Path) -> None:
    config = load_pipeline(write_pipeline(tmp_path))
    assert config.name == "shops"
    assert config.spec.features.names == ("spent", "hour", "shop")


@pytest.mark.parametrize("name", ["churn", "flights", "bikes", "metro"])
def test_the_shipped_pipelines_load(name: str) -> None:
    assert load_pipeline(PIPELINES_FOLDER / name).name == name


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"titel": "x"}, "titel: is not a known key; did you mean 'title'?"),
        ({"gate.flor": 1.0}, "gate.flor: is not a known key; did you mean 'floor'?"),
        ({"task": "clasification"}, "did you mean 'binary_classification'?"),
        ({"task": 3}, "task: 3"),
        ({"start": "yesterday"}, "start: 'yesterday'"),
        ({"source.kind": "file"}, "there is no kind of source called 'file'; did you mean 'files'?"),
        ({"source.kind": 5}, "there is no kind of source called '5'; there are: files, sql, python"),
        ({"source": {}}, "source.kind: is required"),
        ({"source": "data.csv"}, "source: 'data.csv': must be a mapping with a `kind`"),
        ({"source.pth": "x"}, "source.pth: is not a known key; did you mean 'path'?"),
        ({"label.source": {"kind": "sql", "url": "sqlite:///x"}}, "label.source.query: is required"),
        ({"source.path": "data/all.csv"}, "say the partition exactly once"),
        ({"source.path": "https://me:hunter2@host/{partition}"}, "carries a password"),
        ({"keys": ["shop", "vist"]}, "'vist' is not among columns"),
        ({"keys": ["shop; drop table x"]}, "lower case letters"),
        ({"keys": ["shop", "shop"]}, "named more than once"),
        ({"columns.spent": "float"}, "columns.spent: 'float' is not one of"),
        ({"label.column": "retuned"}, "'retuned' is not among columns"),
        ({"label.available_after_days": -1}, "label.available_after_days: -1"),
        ({"features.numeric": ["spent", "late"]}, "'late' is known only afterwards"),
        ({"features.numeric": ["spent", "returned"]}, "'returned' is known only afterwards"),
        (
            {"features.derived": [{"kind": "difference", "name": "gap", "left": "spent", "right": "late"}]},
            "'late' is known only afterwards",
        ),
        ({"training.metric": "rmse"}, "classification is evaluated by"),
        ({"training.holdout_days": 10}, "must be shorter than window_days"),
        ({"training.estimators": []}, "training.estimators"),
        (
            {"training.estimators": [{"kind": "xgboost"}]},
            "training.estimators[0].kind: 'xgboost' is not one of",
        ),
        ({"training.estimators": [{"kind": "ridge"}]}, "ridge is not for binary_classification"),
        ({"gate.floor": float("nan")}, "gate.floor"),
        ({"scoring": {"threshold": 1}}, "scoring.threshold: 1"),
        ({"scoring": {"threshold": 0}}, "scoring.threshold: 0"),
        ({"scoring": {"decision": {"rule": "top_shar", "share": 0.1}}}, "scoring.decision"),
        ({"scoring": {"decision": {"rule": "top_share", "share": 2}}}, "share: 2"),
        ({"scoring": {"threshold": 0.3, "decision": {"rule": "fixed"}}}, "give either threshold or decision"),
        (
            {"scoring": {"decision": {"rule": "cost", "false_positive": -1, "false_negative": 1}}},
            "an error must cost more than the right decision",
        ),
        ({"gate.floors": {"rmse": 3}}, "gate.floors: binary_classification has no rmse"),
        ({"gate.floors": {"roc_auc": 0.6}}, "the floor of roc_auc, training.metric, is gate.floor"),
        ({"gate.slices": {"columns": ["shopp"]}}, "gate.slices.columns: 'shopp' is not among the features"),
        ({"gate.policy": "better"}, "gate.policy: 'better' is not one of"),
        ({"gate.approval": "always"}, "gate.approval: 'always' is not one of"),
        ({"drift": {"share_limit": -0.1}}, "drift.share_limit: -0.1"),
        ({"schedules": {"ingest": "every night"}}, "cron expression of five fields"),
        ({"schedules": {"timezone": "Mars/Olympus"}}, "no time zone is called 'Mars/Olympus'"),
    ],
)
def test_a_wrong_value_is_told_with_field_and_remedy(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    message = refuse(tmp_path, make_spec(**changes))
    assert told in message
    assert "pipeline.yaml" in message
    assert "bin/nightshift check shops" in message
    assert "hunter2" not in message


def test_all_problems_of_both_files_are_told_at_once_with_their_lines(tmp_path: Path) -> None:
    message = refuse(
        tmp_path,
        make_spec(**{"titel": 1, "gate.floor": "high", "task": "guessing"}),
        {"rows": [{"expect_column_values_to_be_nul": {"column": "shop"}}]},
    )
    for told in ("titel", "gate.floor: 'high'", "task: 'guessing'", "did you mean 'expect_column_values_to_be_null'"):
        assert told in message
    lines = yaml.safe_dump(make_spec(), sort_keys=False).splitlines()
    line = next(number for number, text in enumerate(lines, 1) if "task:" in text)
    assert f"pipeline.yaml:{line}: task" in message


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("title: a\ntitle: b\n", "title: appears twice (first: line 1)"),
        ("title: [a\n", "is not valid YAML"),
        ("title: !!python/object/apply:os.system [id]\n", "is not valid YAML"),
        ("a: &x [1]\nb: *x\n", "uses a YAML alias"),
        ("- a\n", "must be a mapping"),
        ("", "must be a mapping"),
        ("a: 2026-99-99\n", "is not valid YAML"),
        ("x" * 300_000, "is larger than"),
    ],
)
def test_hostile_or_broken_yaml_is_one_message(tmp_path: Path, text: str, told: str) -> None:
    assert told in refuse(tmp_path, text)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    folder = write_pipeline(tmp_path)
    (folder / "expectations.yaml").unlink()
    with pytest.raises(PipelineRefused, match=r"expectations\.yaml: is missing"):
        load_pipeline(folder)


def test_an_empty_suite_is_refused(tmp_path: Path) -> None:
    assert "holds no expectation" in refuse(tmp_path, suite={"max_quarantined_share": 0.1})


def test_an_expectation_on_an_unknown_column_is_told_with_the_nearest(tmp_path: Path) -> None:
    mean = {"expect_column_mean_to_be_between": {"column": "spend", "max_value": 3}}
    message = refuse(tmp_path, suite={"batch": [mean]})
    assert "column 'spend' is not among columns of pipeline.yaml; did you mean 'spent'?" in message


@pytest.mark.parametrize("name", ["Shops", "1shop", "shop-s", "shops_latest", "shops_2026_01", "s" * 49])
def test_a_folder_name_that_can_name_no_table_is_refused(tmp_path: Path, name: str) -> None:
    assert "the folder's name" in refuse(tmp_path, name=name)


def test_one_broken_pipeline_leaves_the_others_usable(tmp_path: Path) -> None:
    write_pipeline(tmp_path, name="good")
    write_pipeline(tmp_path, make_spec(task="guessing"), name="bad")
    loaded = load_pipelines(tmp_path)
    assert [config.name for config in loaded.usable] == ["good"]
    assert [problem.name for problem in loaded.refused] == ["bad"]


def test_the_config_hash_follows_the_content(tmp_path: Path) -> None:
    first = load_pipeline(write_pipeline(tmp_path / "a"))
    same = load_pipeline(write_pipeline(tmp_path / "b"))
    other = load_pipeline(write_pipeline(tmp_path / "c", {**SPEC, "title": "Other"}))
    assert first.config_sha256 == same.config_sha256 != other.config_sha256


def test_the_known_expectations_are_those_of_great_expectations() -> None:
    from great_expectations.expectations.expectation import (
        ColumnMapExpectation,
        ColumnPairMapExpectation,
        MulticolumnMapExpectation,
    )
    from great_expectations.expectations.registry import get_expectation_impl

    maps = (ColumnMapExpectation, ColumnPairMapExpectation, MulticolumnMapExpectation)
    assert all(issubclass(get_expectation_impl(name), maps) for name in ROW_EXPECTATIONS)
    assert not any(issubclass(get_expectation_impl(name), maps) for name in BATCH_EXPECTATIONS - ROW_EXPECTATIONS)
