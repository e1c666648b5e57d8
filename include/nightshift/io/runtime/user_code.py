"""Functions from a pipeline's own folder, and from nowhere else."""

import inspect
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from nightshift.config.names import suggest_name
from nightshift.config.python_files import import_file
from nightshift.errors import NightshiftError


def load_function(file: Path, name: str) -> Callable[..., Any]:
    """The function of that name in that very file; NightshiftError where it can't be had."""
    if not file.is_file():
        raise NightshiftError(f"{file} does not exist, but its function {name!r} is needed")
    module = load_module(file)
    function = getattr(module, name, None)
    if not callable(function):
        known = [key for key, value in vars(module).items() if inspect.isfunction(value)]
        near = suggest_name(name, known)
        hint = f"did you mean {near!r}?" if near else f"it has: {', '.join(sorted(known)) or 'no function'}"
        raise NightshiftError(f"{file} has no function {name!r}; {hint}")
    return cast(Callable[..., Any], function)


def load_module(file: Path) -> ModuleType:
    """The file as a module under a name of its own, so that two pipelines never see each other's files."""
    name = f"nightshift_pipeline_{file.stem}_{sha256(str(file).encode()).hexdigest()[:12]}"
    return import_file(file, name)
