"""The pipeline's own features.py, loaded from its folder and from nowhere else."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

from include.errors import NightshiftError

FUNCTION = "build_features"


def load_feature_function(path: Path | None) -> Callable[..., Any] | None:
    """`build_features(rows, history)` of the file, or None without a file; NightshiftError where it can't be had."""
    if path is None:
        return None
    spec = importlib.util.spec_from_file_location(f"nightshift_features_{path.parent.name}", path)
    if spec is None or spec.loader is None:
        raise NightshiftError(f"{path} can't be loaded as Python")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise NightshiftError(f"{path} fails when it is loaded: {type(error).__name__}: {error}") from error
    function = getattr(module, FUNCTION, None)
    if not callable(function):
        raise NightshiftError(f"{path} must define {FUNCTION}(rows, history)")
    return function
