"""Bad configuration: refused where it is read, in one sentence that names the place, and nothing else is touched."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

import tests.airflow_home  # noqa: F401  # before anything of Airflow
from nightshift.cli import main
from nightshift.commands.check import find_deep_problems
from nightshift.config.airflow.settings import SettingsRefused, load_settings
from nightshift.config.loading import load_named_pipeline, load_pipelines
from nightshift.config.yaml.document import Problem
from nightshift.errors import NightshiftError
from nightshift.extension.estimators import ESTIMATORS, Estimator
from nightshift.extension.later import later
from nightshift.extension.tasks import BINARY
from tests.faults.bad_configuration import (
    ACCEPTED,
    ARGUMENTS,
    CODE,
    CONFS,
    DEEP_SUITES,
    FILES,
    FOLDERS,
    KEYS,
    SECRET,
    SETTINGS,
    SPECS,
    SUITES,
    TEXTS,
)
from tests.kits.pipelines import make_spec, write_pipeline

pytestmark = pytest.mark.guarantee(10)
LONGEST = 1200


def require_clear(text: str, told: str) -> None:
    """One line that can be shown as it is, holds what is expected, and no secret."""
    assert text.isprintable(), repr(text)
    assert len(text) < LONGEST
    assert "Traceback" not in text
    assert SECRET not in text
    assert re.search(told, text), text


def refuse(folder: Path) -> list[Problem]:
    """The problems of the one pipeline that is refused; the sound one beside it loads."""
    write_pipeline(folder, name="good")
    before = sorted(folder.rglob("*"))
    loaded = load_pipelines(folder)
    assert [config.name for config in loaded.usable] == ["good"]
    assert sorted(folder.rglob("*")) == before
    (refused,) = loaded.refused
    for problem in refused.problems:
        require_clear(str(problem), "")
    return refused.problems


@pytest.mark.parametrize("name", SPECS)
def test_a_bad_value_is_told_with_file_line_and_field(tmp_path: Path, name: str) -> None:
    changes, told = SPECS[name]
    (problem,) = refuse(write_pipeline(tmp_path, make_spec(**changes)).parent)
    require_clear(str(problem), rf"shops/pipeline\.yaml:\d+: .*{told}")


@pytest.mark.parametrize("name", TEXTS)
def test_bad_yaml_is_told_with_its_line(tmp_path: Path, name: str) -> None:
    content, told = TEXTS[name]
    folder = write_pipeline(tmp_path)
    (folder / "pipeline.yaml").write_bytes(content.encode() if isinstance(content, str) else content)
    (problem,) = refuse(tmp_path)
    require_clear(str(problem), rf"shops/pipeline\.yaml(: )?{told}")


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_only_looks_odd_is_accepted(tmp_path: Path, name: str) -> None:
    (write_pipeline(tmp_path) / "pipeline.yaml").write_bytes(ACCEPTED[name])
    assert not load_pipelines(tmp_path).refused


@pytest.mark.parametrize("name", SUITES)
def test_a_bad_suite_is_told_with_file_line_and_expectation(tmp_path: Path, name: str) -> None:
    suite, told = SUITES[name]
    problems = refuse(write_pipeline(tmp_path, suite=suite).parent)
    assert any(re.search(rf"shops/expectations\.yaml(: )?{told}", str(problem)) for problem in problems), problems


@pytest.mark.parametrize("name", DEEP_SUITES)
def test_check_refuses_what_only_great_expectations_knows(tmp_path: Path, name: str) -> None:
    suite, told = DEEP_SUITES[name]
    (config,) = load_pipelines(write_pipeline(tmp_path, suite=suite).parent).usable
    (problem,) = find_deep_problems(config)
    require_clear(problem, rf"shops/expectations\.yaml{told}")


@pytest.mark.parametrize("name", CODE)
def test_check_refuses_code_that_cannot_be_loaded(tmp_path: Path, name: str) -> None:
    code, told = CODE[name]
    (write_pipeline(tmp_path) / "features.py").write_text(code)
    (config,) = load_pipelines(tmp_path).usable
    (problem,) = find_deep_problems(config)
    require_clear(problem, told)


def test_check_refuses_an_estimator_that_cannot_be_made_and_goes_on(tmp_path: Path) -> None:
    encode = later("nightshift.core.estimators.encoders", "encode_for_lines")
    ESTIMATORS.register(Estimator("unmade_toy", {BINARY: later("sklearn.no_such_module", "Model")}, encode))
    try:
        kinds = [{"kind": "unmade_toy"}, {"kind": "logistic", "search": {"CC": [1]}}]
        write_pipeline(tmp_path, make_spec(**{"training.estimators": kinds}))
        (config,) = load_pipelines(tmp_path).usable
        unmade, misspelt = find_deep_problems(config)
    finally:
        ESTIMATORS.unregister("unmade_toy")
    require_clear(unmade, "unmade_toy can't be made: ModuleNotFoundError: No module named 'sklearn.no_such_module'")
    require_clear(misspelt, "logistic has no parameter 'CC'; it has C,")


def test_loading_runs_no_code_of_a_pipeline(tmp_path: Path) -> None:
    trace = tmp_path / "ran"
    (write_pipeline(tmp_path) / "features.py").write_text(f"open({str(trace)!r}, 'w')")
    assert load_pipelines(tmp_path).usable
    assert not trace.exists()


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_that_can_name_no_table_is_refused(tmp_path: Path, name: str) -> None:
    (problem,) = refuse(write_pipeline(tmp_path, name=name).parent)
    require_clear(str(problem), "the folder's name must be")


@pytest.mark.parametrize("file", ["pipeline.yaml", "expectations.yaml"])
@pytest.mark.parametrize("name", FILES)
def test_what_is_no_file_is_refused(tmp_path: Path, name: str, file: str) -> None:
    make, told = FILES[name]
    path = write_pipeline(tmp_path) / file
    path.unlink()
    make(path)
    (problem,) = refuse(tmp_path)
    require_clear(str(problem), rf"shops/{file}: ({told})|shops/{file}:\d+: ({told})")


def test_what_nobody_thought_of_stops_no_other_pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: Path) -> bool:
        if path.name == "shops":
            raise KeyError("surprise")
        return False

    monkeypatch.setattr("nightshift.config.loading.has_features_module", fail)
    write_pipeline(tmp_path)
    (problem,) = refuse(tmp_path)
    require_clear(str(problem), r"shops: can't be read: KeyError: 'surprise'")


@pytest.mark.parametrize("name", SETTINGS)
def test_bad_settings_are_told_with_line_and_without_secrets(tmp_path: Path, name: str) -> None:
    content, told = SETTINGS[name]
    path = tmp_path / "airflow_settings.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False))
    with pytest.raises(SettingsRefused) as caught:
        load_settings(path)
    (problem,) = caught.value.problems
    require_clear(str(problem), rf"airflow_settings\.yaml(: )?{told}")


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing may be opened for what is refused."""

    def fail(*arguments: object, **named: object) -> None:
        raise AssertionError("opened")

    for place in (
        "resources.open_local_resources",
        "resources.migrate_local_warehouse",
        "sandbox.open_sandbox",
        "stack.start_stack",
    ):
        monkeypatch.setattr(f"nightshift.local.{place}", fail)


@pytest.mark.usefixtures("closed")
@pytest.mark.parametrize("line", ARGUMENTS, ids=lambda line: ascii(line)[:60])
def test_a_bad_argument_is_told_before_anything_is_opened(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = main(shlex.split(line))
    except SystemExit as exit:
        code = exit.code
    said = [text for text in capsys.readouterr().err.split("\n") if text.startswith("nightshift")]
    assert code in (1, 2)
    assert len(said) == 1, said
    require_clear(said[0], ARGUMENTS[line])


def make_params(dag: str) -> dict[str, Any]:
    """The params of a DAG of the pipeline churn."""
    from nightshift.orchestration import params

    make = getattr(params, f"make_{dag}_params")
    made: dict[str, Any] = make(load_named_pipeline("churn")) if dag == "ingest" else make()
    return made


@pytest.mark.parametrize("name", CONFS)
def test_a_bad_run_configuration_is_refused_at_the_trigger(name: str) -> None:
    """By Airflow, which asks the params when a run is triggered, or by the first task for what has no param."""
    from airflow.sdk.definitions.param import ParamsDict
    from airflow.sdk.exceptions import ParamValidationError

    from nightshift.orchestration.params import check_conf

    dag, conf, told = CONFS[name]
    known = make_params(dag)
    with pytest.raises((NightshiftError, ParamValidationError)) as caught:
        check_conf(conf, set(known))
        filled = ParamsDict(known)
        for key, value in conf.items():
            filled[key] = value
        filled.validate()
    require_clear(str(caught.value).splitlines()[0], told)


@pytest.mark.parametrize("key", KEYS, ids=ascii)
def test_a_partition_key_that_is_no_day_is_refused(key: str) -> None:
    from nightshift.orchestration.partitions import parse_partition

    with pytest.raises(NightshiftError) as caught:
        parse_partition(key)
    require_clear(str(caught.value), "Partition Key ['\"].*['\"] (is not a date|is not between)")
