"""`init`: a project of one's own."""

import argparse
from pathlib import Path

from nightshift import __version__
from nightshift.commands.base import Commands, add_command
from nightshift.commands.schema import FILES, write_schemas
from nightshift.config.project import ENGINE
from nightshift.errors import NightshiftError

TEMPLATES = ENGINE / "project_files"
SCHEMAS = Path("include") / "schemas"
# `git init` may have come first.
MAY_BE_THERE = {".git"}


def add_init(commands: Commands) -> None:
    """`init FOLDER`."""
    summary = "write a project of your own into a new folder: DAG files, an example pipeline, settings, a test, CI"
    parser = add_command(commands, "init", run_init, summary, ["init my-project", "init ."])
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="a folder that is new or empty")
    parser.description = (
        "Write a project of your own, in the layout of the Astro CLI: two DAG files of a few lines, an example "
        "pipeline whose data are made up, airflow_settings.yaml, requirements.txt that pins the engine, a Dockerfile, "
        "a test that loads every pipeline, and a CI workflow. All other commands then work in that folder and below; "
        "from elsewhere, NIGHTSHIFT_PROJECT names it. A folder that holds anything is left as it is."
    )


def run_init(arguments: argparse.Namespace) -> int:
    """Write the project and say what comes next."""
    folder = arguments.folder.expanduser().resolve()
    check_empty(folder)
    try:
        write_project(folder)
    except OSError as error:
        raise NightshiftError(f"{error.filename or folder} can't be written: {error.strerror}") from None
    print(f"A project with the example pipeline churn is in {folder}")
    print(f"  cd {folder}")
    print("  nightshift check       whether its pipelines are right")
    print("  nightshift demo        the example through the real scheduler")
    print("  nightshift up          PostgreSQL and Airflow; your own pipelines: README.md")
    return 0


def check_empty(folder: Path) -> None:
    """NightshiftError unless the folder is new or empty."""
    try:
        held = sorted({path.name for path in folder.iterdir()} - MAY_BE_THERE)
    except FileNotFoundError:
        return
    except OSError as error:
        raise NightshiftError(f"{folder} can't be a project's folder: {error.strerror}; name a new one") from None
    if held:
        some = ", ".join(held[:3]) + (" and more" if len(held) > 3 else "")
        raise NightshiftError(
            f"{folder} is not empty: it holds {some}. Nothing was written; name a new or empty folder"
        )


def write_project(folder: Path) -> None:
    """Write every template, and the schemas that the example's files name."""
    for source in list_templates(TEMPLATES):
        target = folder / source.relative_to(TEMPLATES)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(fill_in(source, folder=target.parent, project=folder), encoding="utf-8")
    write_schemas(folder / SCHEMAS)


def list_templates(folder: Path) -> list[Path]:
    """The files below, without what Python compiled; the example pipeline may be a link to where it is shipped."""
    found: list[Path] = []
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            found += list_templates(path) if path.name != "__pycache__" else []
        else:
            found.append(path)
    return found


def fill_in(source: Path, folder: Path, project: Path) -> str:
    """A template's text in a project: the engine's version, the command as it is on PATH, the schema of YAML files."""
    text = source.read_text(encoding="utf-8").replace("@VERSION@", __version__).replace("bin/nightshift", "nightshift")
    for name, file in FILES.items():
        if source.name == file:
            depth = len(folder.relative_to(project / SCHEMAS.parent).parts)
            text = f"# yaml-language-server: $schema={'../' * depth}{SCHEMAS.name}/{name}.json\n{text}"
    return text
