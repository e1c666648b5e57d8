"""Which code wrote something: a hash of the sources, so that it holds without git and for edited checkouts."""

import hashlib
from functools import cache
from pathlib import Path

from nightshift.config.project import ENGINE

LAYERS = ("config", "core", "io", "steps")


@cache
def read_code_version(pipeline_folder: Path) -> str:
    """Twelve hex digits over the Python files of the layers that compute, and those of the pipeline's own folder."""
    files = sorted(path for layer in LAYERS for path in (ENGINE / layer).rglob("*.py"))
    files += sorted(pipeline_folder.glob("*.py"))
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]
