"""`python -m tests.tools.compare_old_state CHECKOUT`: what release 0.1 stored, asked by its code and by today's.

CHECKOUT is a stopped checkout of 0.1 (commit c3368ea) after `make demo`, with its .venv. Its state folder is copied;
0.1's code says what is in the copy, `nightshift migrate` migrates it, today's code says it again. Exit code 1 where
anything differs.

The lake stays where it is, because objects are addressed by absolute paths; both only read it, and a hash of each of
its files is among what is compared.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = Path(__file__).with_name("state_values.py")
SHOWN = 20
# Not state: what runs, what ran, and uv. A copied list of processes would let `stop` end those of the original.
NOT_COPIED = shutil.ignore_patterns("stack.json", "logs", "uv", "lake", "airflow")


def copy_state(checkout: Path, home: Path) -> Mapping[str, str]:
    """Copy the state folder; the environment in which commands use the copy with the original's lake."""
    state = checkout / ".nightshift"
    if not (state / "pg").is_dir():
        raise SystemExit(f"{checkout} has no .nightshift/pg: run `make demo` there, then `make stop`")
    if (state / "pg" / "postmaster.pid").exists():
        raise SystemExit(f"the services of {checkout} are running: run `make stop` there first")
    shutil.copytree(state, home, ignore=NOT_COPIED, dirs_exist_ok=True, copy_function=shutil.copy2)
    # The owner too: where root works, the server runs as another user.
    for source in state.rglob("*"):
        target = home / source.relative_to(state)
        if target.exists():
            os.chown(target, source.stat().st_uid, source.stat().st_gid)
    lake = {"conn_type": "fs", "extra": {"path": str(state / "lake")}}
    return {
        **os.environ,
        "NIGHTSHIFT_HOME": str(home),
        "AIRFLOW_CONN_NIGHTSHIFT_LAKE": json.dumps(lake),
        "GX_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }


def ask(project: Path, path: str, environ: Mapping[str, str], *arguments: str) -> None:
    """Run Python in a project with its own .venv and its code at `path`."""
    command = [str(project / ".venv/bin/python"), "-P", *arguments]
    own = {**environ, "PYTHONPATH": str(project / path), "NIGHTSHIFT_PROJECT": str(project)}
    if subprocess.run(command, cwd=project, env=own, check=False).returncode:
        raise SystemExit(f"failed in {project}: {' '.join(arguments)}")


def list_differences(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """What has another value, and what only one of them has."""
    changed = [f"{name}: differs" for name in old if name in new and old[name] != new[name]]
    lost = [f"{name}: missing today" for name in old if name not in new]
    added = [f"{name}: not there before" for name in new if name not in old]
    return changed + lost + added


def compare(checkout: Path, home: Path) -> tuple[int, list[str]]:
    """How many values there are, and the differences."""
    environ = copy_state(checkout, home)
    old, new = home / "old.json", home / "new.json"
    try:
        ask(checkout, ".", environ, str(SCRIPT), "0.1", str(old))
        ask(ROOT, "include", environ, "-m", "nightshift.cli", "migrate")
        ask(ROOT, "include", environ, str(SCRIPT), "today", str(new), str(old))
    finally:
        ask(ROOT, "include", environ, "-m", "nightshift.cli", "stop")
    before = json.loads(old.read_text())
    return len(before), list_differences(before, json.loads(new.read_text()))


def main() -> int:
    """Print the differences and how many there are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", type=Path, help="of release 0.1, stopped, after `make demo`")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the migrated copy and the hashes there")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nightshift-upgrade-") as folder:
        Path(folder).chmod(0o755)  # the server's own user must reach its data
        home = (arguments.keep or Path(folder) / "state").resolve()
        count, differences = compare(arguments.checkout.resolve(), home)
    print("\n".join(differences[:SHOWN]))
    print(f"{count} compared, {len(differences)} differences")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
