"""Run a module of ours in a Python process of its own, within limits of time, memory and output.

Whatever happens in there, a crash, a hang or running out of memory, comes back as a value.

Memory is watched from outside, as resident memory (RSS): a limit on the address space (RLIMIT_AS) also counts what
OpenBLAS, OpenMP and the allocator reserve per thread and nobody touches, so it refuses to import NumPy on a large
machine. It is set as well, far above, against a single huge allocation between two looks.
"""

import json
import os
import resource
import runpy
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from nightshift.config.project import IMPORT_PATHS, PROJECT_ROOT
from nightshift.io.runtime.temp_files import open_temporary_folder

# What the process inherits: where programs and libraries are, language, threads. No connections, no credentials.
_KEPT = ("PATH", "HOME", "TZ", "LANG", "LANGUAGE", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "PYTHONUSERBASE", "PYTHONHASHSEED")
_KEPT_PREFIXES = ("LC_", "OMP_", "OPENBLAS_", "MKL_", "NUMBA_", "NUMEXPR_")
_POLL = 0.02
_GRACE = 5
_OUTPUT_BYTES = 64 * 2**20
# What libraries may reserve on top of what they use.
_RESERVED_BYTES = 32 * 2**30


@dataclass(frozen=True)
class Answer:
    """What the module printed, or why it did not."""

    value: Any
    problem: str = ""


@dataclass(frozen=True)
class Limits:
    """Wall-clock seconds and megabytes of resident memory, the libraries included."""

    seconds: float
    megabytes: float


def run_isolated(module: str, request: Mapping[str, Any], limits: Limits) -> Answer:
    """Run `python -m module` with `request` as JSON on its standard input; its standard output must be JSON.

    The process starts in an empty folder, with a small environment. Never raises for what happens in it.
    """
    with open_temporary_folder() as folder:
        (folder / "stdin").write_text(json.dumps(request))
        (folder / "work").mkdir()
        with (folder / "stdin").open() as given, (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
            command = [sys.executable, "-P", "-m", __name__, module, str(limits.seconds), str(limits.megabytes)]
            process = subprocess.Popen(
                command,
                stdin=given,
                stdout=out,
                stderr=err,
                cwd=folder / "work",
                env=make_environment(os.environ),
                start_new_session=True,
            )
            try:
                problem = _watch(process, limits)
            finally:
                _end(process)
        return _read_answer(process.returncode, problem, folder)


def make_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What of the environment a fresh process gets."""
    kept = {key: value for key, value in environ.items() if key in _KEPT or key.startswith(_KEPT_PREFIXES)}
    paths = [*IMPORT_PATHS, *filter(None, environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {**kept, "PYTHONPATH": os.pathsep.join(paths), "NIGHTSHIFT_PROJECT": str(PROJECT_ROOT)}


def _watch(process: subprocess.Popen[bytes], limits: Limits) -> str:
    """Wait for its end. The problem where it takes too long or too much."""
    deadline = time.monotonic() + limits.seconds
    while process.poll() is None:
        if time.monotonic() > deadline:
            return f"it did not answer within {limits.seconds:g} s"
        if _measure_memory(process.pid) > limits.megabytes * 2**20:
            return f"it took more than {limits.megabytes:g} MB of memory"
        time.sleep(_POLL)
    return ""


def _measure_memory(pid: int) -> int:
    """Resident bytes of the process; 0 where it is gone."""
    with suppress(psutil.Error):
        return int(psutil.Process(pid).memory_info().rss)
    return 0


def _end(process: subprocess.Popen[bytes]) -> None:
    """End it and whatever it started; its own children are in its session."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _read_answer(code: int, problem: str, folder: Path) -> Answer:
    """The last line of the output."""
    if problem:
        return Answer(None, problem)
    if code < 0:
        return Answer(None, f"its process crashed ({_name_signal(-code)})")
    if code > 0:
        return Answer(None, f"its process failed: {_read_last_line(folder / 'err') or f'exit code {code}'}")
    try:
        return Answer(json.loads(_read_last_line(folder / "out")))
    except (ValueError, RecursionError):
        return Answer(None, "its process gave no answer")


def _name_signal(number: int) -> str:
    with suppress(ValueError):
        return signal.Signals(number).name
    return f"signal {number}"


def _read_last_line(path: Path) -> str:
    lines = path.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else ""


def _limit_self(seconds: float, megabytes: float) -> None:
    """Set before any library is loaded. The alarm ends an orphan: nobody watches it once its parent is killed."""
    _lower_limit(resource.RLIMIT_CORE, 0)
    _lower_limit(resource.RLIMIT_FSIZE, _OUTPUT_BYTES)
    _lower_limit(resource.RLIMIT_AS, int(megabytes * 2**20) + _RESERVED_BYTES)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(int(seconds) + _GRACE)


def _lower_limit(limit: int, value: int) -> None:
    """Some systems know a limit without enforcing or accepting it; the one who watches does not rely on any."""
    with suppress(OSError, ValueError):
        hard = resource.getrlimit(limit)[1]
        lowered = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (lowered, lowered))


def main() -> None:
    """The inside: limits first, then the module."""
    module, seconds, megabytes = sys.argv[1:]
    _limit_self(float(seconds), float(megabytes))
    sys.argv = [module]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
