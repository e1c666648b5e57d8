"""A fresh process: what it says comes back, and so does every way in which it can end badly."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from nightshift.config.project import IMPORT_PATH, PROJECT_ROOT
from nightshift.io.runtime.subprocess_runner import Answer, Limits, make_environment, run_isolated

LIMITS = Limits(seconds=30, megabytes=300)


@pytest.fixture(autouse=True)
def module_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a test puts the module that it runs."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


def run(folder: Path, script: str, limits: Limits = LIMITS, **request: object) -> Answer:
    (folder / "worker.py").write_text(script)
    return run_isolated("worker", request, limits)


def test_the_answer_to_a_request_comes_back(module_folder: Path) -> None:
    script = "import json, sys\nprint('noise')\nprint(json.dumps(json.load(sys.stdin)['number'] + 1))"
    assert run(module_folder, script, number=41) == Answer(42)


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("import ctypes\nctypes.string_at(0)", "its process crashed (SIGSEGV)"),
        ("import os\nos.abort()", "its process crashed (SIGABRT)"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "its process crashed (SIGKILL)"),
        ("raise SystemExit(7)", "its process failed: exit code 7"),
        ("raise ValueError('no')", "its process failed: ValueError: no"),
        ("bytearray(10**15)", "its process failed: MemoryError"),
        ("print('no JSON')", "its process gave no answer"),
        ("", "its process gave no answer"),
        ("print('[' * 10**6)", "its process gave no answer"),
    ],
)
def test_a_bad_end_is_a_problem(script: str, problem: str, module_folder: Path) -> None:
    assert run(module_folder, script) == Answer(None, problem)


def test_a_hang_is_a_problem_even_where_signals_are_ignored(module_folder: Path) -> None:
    script = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(60)"
    start = time.monotonic()
    assert run(module_folder, script, Limits(1.5, 300)).problem == "it did not answer within 1.5 s"
    assert time.monotonic() - start < 20


def test_growing_too_large_is_a_problem(module_folder: Path) -> None:
    script = "held = []\nwhile True: held.append(b'x' * 10**7)"
    assert run(module_folder, script).problem == "it took more than 300 MB of memory"


def test_what_only_reserves_memory_is_let_be(module_folder: Path) -> None:
    """As the stacks and arenas of threads do."""
    script = "import mmap\nheld = mmap.mmap(-1, 4 * 2**30)\nprint(1)"
    assert run(module_folder, script) == Answer(1)


def test_endless_output_ends(module_folder: Path) -> None:
    script = "while True: print('x' * 10**6)"
    assert run(module_folder, script).problem.startswith("its process failed: OSError: [Errno 27] File too large")


def test_what_it_started_ends_with_it(module_folder: Path) -> None:
    script = "import subprocess\nprint(subprocess.Popen(['sleep', '60']).pid)"
    child = run(module_folder, script).value
    for _ in range(100):
        if not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE:
            return
        time.sleep(0.05)
    raise AssertionError(f"process {child} is still there")


def test_it_ends_although_nobody_watches_it_any_more(module_folder: Path) -> None:
    """The parent is killed, as a task is that runs out of time."""
    (module_folder / "worker.py").write_text(
        f"import os, time\nopen({str(module_folder / 'pid')!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)"
    )
    script = "from nightshift.io.runtime.subprocess_runner import *\nrun_isolated('worker', {}, Limits(1, 300))"
    # Stopped at once, so that it can't end its child itself.
    environ = {**os.environ, "PYTHONPATH": f"{IMPORT_PATH}:{module_folder}"}
    parent = subprocess.Popen([sys.executable, "-c", script], env=environ)
    while not (module_folder / "pid").exists() or not (module_folder / "pid").read_text():
        assert parent.poll() is None
        time.sleep(0.01)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    child = int((module_folder / "pid").read_text())
    assert psutil.pid_exists(child)
    for _ in range(300):
        if not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE:
            return
        time.sleep(0.05)
    raise AssertionError(f"process {child} is still there")


def test_it_inherits_no_secrets_and_starts_in_an_empty_folder(
    module_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = ("AIRFLOW_CONN_LAKE", "AIRFLOW__CORE__FERNET_KEY", "AWS_SECRET_ACCESS_KEY", "NIGHTSHIFT_X", "PGPASSWORD")
    for name in secrets:
        monkeypatch.setenv(name, "canary")
    script = "import json, os\nprint(json.dumps([dict(os.environ), os.getcwd(), os.listdir()]))"
    environ, folder, files = run(module_folder, script).value
    assert "canary" not in environ.values()
    assert files == []
    assert folder != str(Path.cwd())
    assert not Path(folder).exists()


def test_it_gets_what_libraries_need() -> None:
    given = {"PATH": "/bin", "LC_ALL": "C.UTF-8", "OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "1", "SECRET": "x"}
    assert make_environment(given) == {
        "PATH": "/bin",
        "LC_ALL": "C.UTF-8",
        "OMP_NUM_THREADS": "2",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONPATH": str(IMPORT_PATH),
        "NIGHTSHIFT_PROJECT": str(PROJECT_ROOT),
    }


def test_a_crash_leaves_no_core_file(module_folder: Path) -> None:
    script = "import json, resource\nprint(json.dumps(resource.getrlimit(resource.RLIMIT_CORE)))"
    assert run(module_folder, script).value == [0, 0]
