"""Breaks one line of a copy of the project and runs the test that must notice: a test that can't fail proves nothing.

    python -m tests.faults.break_it [--guarantee NUMBER] [--name TEXT]

The variants lie in tests/faults/broken/*.yaml, each with guarantee, name, file, replace, by, and the tests.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
VARIANTS = Path(__file__).parent / "broken"
# A test that could not even begin has noticed nothing.
FAILED = re.compile(r"^\d+ failed\b", re.MULTILINE)


@dataclass(frozen=True)
class Variant:
    """One deliberate fault in the code, and the tests that must see it."""

    guarantee: int
    name: str
    file: str
    replace: str
    by: str
    tests: tuple[str, ...]


def load_variants() -> list[Variant]:
    """All variants, by guarantee."""
    found = [
        Variant(**{**entry, "tests": tuple(entry["tests"])})
        for file in sorted(VARIANTS.glob("*.yaml"))
        for entry in yaml.safe_load(file.read_text())
    ]
    return sorted(found, key=lambda variant: (variant.guarantee, variant.name))


def break_copy(variant: Variant, folder: Path) -> None:
    """Change the one place; ValueError where it is not there exactly once."""
    path = folder / variant.file
    content = path.read_text()
    if content.count(variant.replace) != 1:
        raise ValueError(f"{variant.file} holds {content.count(variant.replace)} times: {variant.replace!r}")
    path.write_text(content.replace(variant.replace, variant.by))


def copy_project(folder: Path) -> None:
    """What git would deliver, as it stands now, with the same environment."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    for name in filter(lambda name: (ROOT / name).is_file(), listed.stdout.splitlines()):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    (folder / ".venv").symlink_to(ROOT / ".venv")


def is_noticed(variant: Variant) -> tuple[bool, str]:
    """Whether the tests fail on the broken copy, and the end of what pytest said."""
    # Not below a folder of ours alone: as root the tests' PostgreSQL runs as another user.
    with tempfile.TemporaryDirectory(prefix="nightshift-broken-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        copy_project(folder)
        break_copy(variant, folder)
        command = [sys.executable, "-m", "pytest", "-q", "-x", "--thorough", "-p", "no:cacheprovider", *variant.tests]
        environ = {**os.environ, "PYTHONPATH": str(folder / "include")}
        done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    return FAILED.search(done.stdout) is not None, done.stdout[-1500:]


def main() -> int:
    """Exit code 1 where a broken variant passed unnoticed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--guarantee", type=int, help="only the variants of this guarantee")
    parser.add_argument("--name", default="", help="only variants whose name holds this text")
    arguments = parser.parse_args()
    unnoticed = 0
    for variant in load_variants():
        if arguments.guarantee not in (None, variant.guarantee) or arguments.name not in variant.name:
            continue
        noticed, said = is_noticed(variant)
        unnoticed += not noticed
        print(f"{variant.guarantee:3}  {'noticed' if noticed else 'UNNOTICED':9}  {variant.name}", flush=True)
        if not noticed:
            print(said)
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main())
