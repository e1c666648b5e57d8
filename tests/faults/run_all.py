"""`make faults`: all tests that prove a guarantee, the real scheduler's beside the others, and what they add up to.

python -m tests.faults.run_all [arguments of pytest for all parts]
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.guarantees import Proof

ROOT = Path(__file__).parents[2]
CHAOS, STACKS = "tests/faults/scheduler/test_chaos.py", ("tests/faults/scheduler", "tests/e2e")
# The first two wait for Airflow much of the time, the last for one core: together they fill two.
PARTS = {
    "chaos": (CHAOS,),
    "scheduler": (*STACKS, f"--ignore={CHAOS}"),
    "steps": ("tests", *(f"--ignore={folder}" for folder in STACKS)),
}
NOTHING_SELECTED = 5


def start_part(name: str, folder: Path, arguments: list[str]) -> tuple[subprocess.Popen[bytes], Path]:
    """One pytest, and where it writes what it says."""
    log = folder / f"{name}.log"
    command = [sys.executable, "-m", "pytest", "--guarantees", "--thorough", f"--proof={folder / name}.json"]
    command += ["-p", "no:cacheprovider", *arguments, *PARTS[name]]
    with log.open("wb") as sink:
        return subprocess.Popen(command, cwd=ROOT, stdout=sink, stderr=subprocess.STDOUT), log


def read_proof(folder: Path) -> Proof:
    """What the parts proved together."""
    proof = Proof()
    for name in PARTS:
        if (record := folder / f"{name}.json").exists():
            proof.add(json.loads(record.read_text()))
    return proof


def main(arguments: list[str]) -> int:
    """Exit code 1 where a part failed."""
    began, folder = time.monotonic(), Path(tempfile.mkdtemp(prefix="nightshift-faults-"))
    parts = {name: start_part(name, folder, arguments) for name in PARTS}
    for name, (_, log) in parts.items():
        print(f"{name}: tail -f {log}", flush=True)
    codes = {name: process.wait() for name, (process, _) in parts.items()}
    for _, log in parts.values():
        print(log.read_text(errors="replace"), flush=True)
    print(*read_proof(folder).describe(), sep="\n")
    print(f"{(time.monotonic() - began) / 60:.1f} minutes; {', '.join(f'{k}: {v}' for k, v in codes.items())}")
    return 0 if set(codes.values()) <= {0, NOTHING_SELECTED} and 0 in codes.values() else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
