"""Placeholders in a source's path, and where a local path really is."""

import os
import re
from datetime import date
from pathlib import Path

from nightshift.config.project import PROJECT_ROOT
from nightshift.errors import NightshiftError

DATA_VARIABLE = "NIGHTSHIFT_DATA"
DEFAULT_DATA = "../shared/data"
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def fill_address(template: str, partition: date | None) -> str:
    """The path with `{data}` and `{partition[:format]}` replaced; NightshiftError for any other placeholder."""

    def fill(match: re.Match[str]) -> str:
        name, _, pattern = match.group(1).partition(":")
        if match.group(1) == "data":
            return find_data()
        if name == "partition" and partition is not None:
            return f"{partition:{pattern}}" if pattern else partition.isoformat()
        known = "{data}" if partition is None else "{data} and {partition}"
        raise NightshiftError(f"{template}: {match.group(0)} is not a placeholder that is allowed here; use {known}")

    return PLACEHOLDER.sub(fill, template)


def find_data() -> str:
    """The folder that `{data}` stands for."""
    return os.environ.get(DATA_VARIABLE) or DEFAULT_DATA


def resolve_path(address: str) -> Path:
    """A local path; a relative one starts at the project's root."""
    return Path(os.path.normpath(PROJECT_ROOT / Path(address).expanduser()))


def explain_data(template: str) -> str:
    """What to do when nothing is at a path with `{data}`; empty for other paths."""
    if "{data}" not in template:
        return ""
    value = os.environ.get(DATA_VARIABLE)
    state = f"is {value!r}" if value else f"is not set, so {{data}} is {DEFAULT_DATA}"
    return f"; {DATA_VARIABLE} {state}: set it to the folder that holds the data"
