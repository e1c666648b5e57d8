"""Where the engine is, and where the project is that it works for."""

import os
from collections.abc import Mapping
from pathlib import Path

ENGINE = Path(__file__).resolve().parents[1]
# What must be on sys.path for `import nightshift`: a checkout's include/, or site-packages.
IMPORT_PATH = ENGINE.parent
SETTINGS_FILE = "airflow_settings.yaml"


def is_checkout(engine: Path) -> bool:
    """Whether the engine is part of a project's include/ rather than installed as a package."""
    return engine.parent.name == "include"


def make_import_paths(engine: Path) -> tuple[str, ...]:
    """What PYTHONPATH needs for `import nightshift` in other processes; nothing where the package is installed.

    Installed packages must not come before the standard library.
    """
    return (str(engine.parent),) if is_checkout(engine) else ()


def find_project_root(environ: Mapping[str, str], engine: Path, current: Path) -> Path:
    """The project's folder: NIGHTSHIFT_PROJECT, else the checkout that the engine is part of, else the nearest folder.

    The nearest is `current` or the first above it that has an airflow_settings.yaml; `current` where none has.
    """
    if named := environ.get("NIGHTSHIFT_PROJECT"):
        return Path(named).expanduser().resolve()
    if is_checkout(engine):
        return engine.parents[1]
    return next((folder for folder in (current, *current.parents) if (folder / SETTINGS_FILE).is_file()), current)


# Relative paths in airflow_settings.yaml and pipeline.yaml start here.
PROJECT_ROOT = find_project_root(os.environ, ENGINE, Path.cwd())
IMPORT_PATHS = make_import_paths(ENGINE)
# What people type: an installed engine is on PATH, a checkout's sets itself up by bin/nightshift.
COMMAND = "bin/nightshift" if is_checkout(ENGINE) else "nightshift"
