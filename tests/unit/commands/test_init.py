"""`nightshift init` and `nightshift schema`: what they write, and where they refuse to."""

import json
import re
from pathlib import Path

import pytest
import yaml

from nightshift import __version__, cli
from nightshift.commands.init import TEMPLATES, list_templates
from nightshift.config.airflow.settings import load_settings
from nightshift.config.loading import load_pipelines
from tests.dags.kit import parse_dags

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("init") / "new" / "project"
    assert cli.main(["init", str(folder)]) == 0
    return folder


def test_the_project_has_the_layout_of_the_astro_cli(project: Path) -> None:
    files = {str(path.relative_to(project)) for path in project.rglob("*") if path.is_file()}
    assert files == {
        ".dockerignore", ".github/workflows/ci.yml", ".gitignore", "Dockerfile", "README.md", "airflow_settings.yaml",
        "dags/nightshift_dags.py", "dags/refused_pipelines.py", "include/extensions/README.md",
        "include/pipelines/churn/README.md", "include/pipelines/churn/expectations.yaml",
        "include/pipelines/churn/pipeline.yaml", "include/pipelines/churn/source.py",
        "include/schemas/expectations.json", "include/schemas/pipeline.json", "packages.txt",
        "requirements.txt", "tests/test_pipelines.py",
    }  # fmt: skip
    assert not [path for path in project.rglob("*") if path.is_symlink()]


def test_it_pins_the_engine_and_the_airflow_of_this_repository(project: Path) -> None:
    lines = (project / "requirements.txt").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == [f"airflow-nightshift=={__version__}"]
    images = [re.findall(r"^FROM .*$", (folder / "Dockerfile").read_text(), re.MULTILINE) for folder in (project, ROOT)]
    assert images[0] == images[1]


def test_its_example_and_its_settings_are_accepted(project: Path) -> None:
    loaded = load_pipelines(project / "include" / "pipelines")
    assert ([config.name for config in loaded.usable], loaded.refused) == (["churn"], ())
    assert loaded.usable[0].spec.simulated
    assert set(load_settings(project / "airflow_settings.yaml").connections) == {
        "nightshift_warehouse", "nightshift_airflow", "nightshift_lake",
    }  # fmt: skip
    assert yaml.safe_load((project / ".github/workflows/ci.yml").read_text())["jobs"]


def test_its_one_dag_file_makes_the_dags_of_this_repositorys_files(project: Path) -> None:
    bag, own = parse_dags(project / "dags" / "nightshift_dags.py"), parse_dags()
    assert bag.import_errors == {}
    assert set(bag.dags) == set(own.dags)
    assert {dag.fileloc for dag in bag.dags.values()} == {str(project / "dags" / "nightshift_dags.py")}
    assert {name: dag.doc_md for name, dag in bag.dags.items()} == {name: dag.doc_md for name, dag in own.dags.items()}


@pytest.mark.parametrize("held", ["README.md", ".env"])
def test_a_folder_that_holds_anything_is_left_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], held: str
) -> None:
    (tmp_path / held).write_text("mine")
    assert cli.main(["init", str(tmp_path)]) == 1
    said = capsys.readouterr()
    assert said.err == (
        f"nightshift: {tmp_path} is not empty: it holds {held}. Nothing was written; name a new or empty folder\n"
    )
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(held, "mine")]


def test_a_file_is_no_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("mine")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        assert cli.main(["init", str(folder)]) == 1
        assert f"nightshift: {folder} can't be a project's folder: Not a directory" in capsys.readouterr().err
    assert (tmp_path / "file").read_text() == "mine"


def test_a_folder_that_can_not_be_written_to_is_one_message(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["init", "/proc/nightshift"]) == 1
    assert re.fullmatch(r"nightshift: /proc/nightshift can't be written: .*\n", capsys.readouterr().err)


def test_an_empty_folder_under_git_will_do(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    assert cli.main(["init", str(tmp_path)]) == 0
    assert (tmp_path / "dags" / "nightshift_dags.py").exists()


def test_what_python_compiled_is_no_template(tmp_path: Path) -> None:
    (tmp_path / "dags" / "__pycache__").mkdir(parents=True)
    (tmp_path / "dags" / "__pycache__" / "a.pyc").write_bytes(b"\0")
    (tmp_path / "dags" / "a.py").touch()
    assert list_templates(tmp_path) == [tmp_path / "dags" / "a.py"]
    assert TEMPLATES / "dags" / "nightshift_dags.py" in list_templates(TEMPLATES)


def test_the_schemas_are_printed_or_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["schema", "expectations"]) == 0
    printed = capsys.readouterr().out
    assert cli.main(["schema", "--into", str(tmp_path / "schemas")]) == 0
    assert (tmp_path / "schemas" / "expectations.json").read_text() == printed
    assert json.loads((tmp_path / "schemas" / "pipeline.json").read_text())["title"] == "Nightshift's pipeline.yaml"
    capsys.readouterr()
    (tmp_path / "file").touch()
    assert cli.main(["schema", "--into", str(tmp_path / "file")]) == 1
    assert f"--into {tmp_path / 'file'}: can't be written to: File exists" in capsys.readouterr().err


def test_a_place_without_pipelines_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NIGHTSHIFT_PIPELINES", str(tmp_path))
    assert (cli.main(["check"]), capsys.readouterr().out) == (0, f"There is no pipeline in {tmp_path}.\n")


def test_a_demo_without_its_pipeline_says_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NIGHTSHIFT_PIPELINES", str(tmp_path))
    assert cli.main(["demo"]) == 1
    assert "plays the example pipeline churn, which this project does not have" in capsys.readouterr().err
