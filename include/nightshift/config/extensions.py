"""A project's own extensions: `include/extensions/*.py`, files that register metrics, estimators and the like."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from nightshift.config.project import PROJECT_ROOT
from nightshift.config.python_files import import_file
from nightshift.errors import NightshiftError
from nightshift.extension.estimators import ESTIMATORS
from nightshift.extension.metrics import METRICS
from nightshift.extension.registry import LOADING, keep_all_or_nothing
from nightshift.extension.tasks import TASKS

EXTENSIONS_FOLDER = PROJECT_ROOT / "include" / "extensions"


@dataclass(frozen=True)
class LoadedExtensions:
    """The files that registered what they have, and what is wrong with the others or with their records."""

    files: tuple[Path, ...]
    problems: tuple[str, ...]


def load_extensions(folder: Path = EXTENSIONS_FOLDER) -> LoadedExtensions:
    """Import every file of the folder once in this process, by name; one that fails does not stop the others."""
    # Two threads that ask at the same time, as an API server's do, must not both import.
    with LOADING:
        return _load_files(folder)


@cache
def _load_files(folder: Path) -> LoadedExtensions:
    # What ships is there first, so that a file that imports a part of it and then fails takes nothing of it along.
    for registry in (TASKS, METRICS, ESTIMATORS):
        registry.list_names()
    loaded, problems = [], []
    for file in sorted(folder.glob("*.py")):
        if not file.name.startswith("_"):
            problem = _load(file)
            loaded += [] if problem else [file]
            problems += [problem] if problem else []
    return LoadedExtensions(tuple(loaded), (*problems, *_list_unknown_tasks()))


def _list_unknown_tasks() -> list[str]:
    """Records for a task that nobody registered, which would never be offered. Any file may register it, so at last."""
    wanted = [
        *(("metric", metric.name, metric.tasks) for metric in METRICS),
        *(("estimator", estimator.name, estimator.factories) for estimator in ESTIMATORS),
    ]
    return [
        f"the {thing} {name!r} is for the task {task!r}, which does not exist; {TASKS.suggest(task)}"
        for thing, name, tasks in wanted
        for task in tasks
        if task not in TASKS
    ]


def _load(file: Path) -> str:
    """Import the file; what is wrong with it, or nothing."""
    # A name that stays: model artifacts hold it where a class of the file is part of a model.
    name = f"nightshift_extensions.{file.stem}"
    try:
        with keep_all_or_nothing():
            import_file(file, name)
    except NightshiftError as error:
        return f"{error}; fix the file, or move it out of the folder"
    return ""
