"""A project's own extensions: `include/extensions/*.py`, files that register metrics, estimators and the like."""

import sys
from dataclasses import dataclass
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from nightshift.config.project import PROJECT_ROOT
from nightshift.errors import name_error

EXTENSIONS_FOLDER = PROJECT_ROOT / "include" / "extensions"


@dataclass(frozen=True)
class LoadedExtensions:
    """The files that registered what they have, and of the others what is wrong, one sentence each."""

    files: tuple[Path, ...]
    problems: tuple[str, ...]


@cache
def load_extensions(folder: Path = EXTENSIONS_FOLDER) -> LoadedExtensions:
    """Import every file of the folder once in this process, by name; one that fails does not stop the others."""
    loaded, problems = [], []
    for file in sorted(folder.glob("*.py")):
        if not file.name.startswith("_"):
            problem = _load(file)
            loaded += [] if problem else [file]
            problems += [problem] if problem else []
    return LoadedExtensions(tuple(loaded), tuple(problems))


def _load(file: Path) -> str:
    """Import the file; what is wrong with it, or nothing."""
    # A name that stays: model artifacts hold it where a class of the file is part of a model.
    name = f"nightshift_extensions.{file.stem}"
    spec = spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        return f"{file} is not a Python file"
    sys.modules[name] = module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        return f"{file} can't be loaded: {name_error(error)}; fix the file, or move it out of the folder"
    return ""
