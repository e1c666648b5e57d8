"""Which code wrote something: a hash of the sources, so that it holds without git and for edited checkouts."""

import hashlib
from functools import cache
from pathlib import Path

ROOMS = ("config", "core", "io", "steps")


@cache
def read_code_version(pipeline_folder: Path) -> str:
    """Twelve hex digits over the Python files of the rooms that compute, and those of the pipeline's own folder."""
    include = Path(__file__).parents[1]
    files = sorted(path for room in ROOMS for path in (include / room).rglob("*.py"))
    files += sorted(pipeline_folder.glob("*.py"))
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]
