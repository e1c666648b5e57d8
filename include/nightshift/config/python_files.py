"""A user's Python file as a module."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from nightshift.errors import NightshiftError, describe_error


def import_file(file: Path, name: str) -> ModuleType:
    """Import the file under that name; NightshiftError where it fails, which leaves no module behind."""
    spec = spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise NightshiftError(f"{file} is not a Python file")
    # Dataclasses, and models that are loaded again, look their module up there.
    sys.modules[name] = module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise NightshiftError(f"{file} can't be loaded: {describe_error(error)}") from error
    return module
