"""Only what we started is stopped, and all of it."""

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from nightshift.local.processes import Started, is_running, read_birth, read_last_lines, start_detached, stop_gently

# Like Airflow's tasks: a child in a process group of its own, in the session of its parent.
PARENT = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], process_group=0)
print(child.pid, flush=True)
time.sleep(60)
"""


def start_family(folder: Path) -> tuple[Started, int]:
    log = folder / "family.log"
    parent = start_detached("family", [sys.executable, "-c", PARENT], os.environ, log, folder)
    deadline = time.monotonic() + 20
    while not (text := log.read_text()).strip() and time.monotonic() < deadline:
        time.sleep(0.02)
    return parent, int(text)


def test_stopping_ends_the_process_and_its_children_in_groups_of_their_own(tmp_path: Path) -> None:
    parent, child = start_family(tmp_path)
    stop_gently([parent], grace=5)
    assert not is_running(parent)
    assert read_birth(child) is None


def test_children_of_a_process_that_died_are_found(tmp_path: Path) -> None:
    parent, child = start_family(tmp_path)
    os.kill(parent.pid, 9)
    stop_gently([parent], grace=5)
    assert read_birth(child) is None


def test_a_pid_that_belongs_to_somebody_else_by_now_is_left_alone(tmp_path: Path) -> None:
    somebody = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        birth = read_birth(somebody.pid)
        assert birth is not None
        stop_gently([Started("ours", somebody.pid, birth - 100, str(tmp_path / "log"))], grace=0.1)
        assert somebody.poll() is None
    finally:
        somebody.kill()
        somebody.wait()


def test_a_process_that_ignores_the_signal_is_killed_after_the_grace(tmp_path: Path) -> None:
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); time.sleep(60)"
    )
    started = start_detached("stubborn", [sys.executable, "-c", stubborn], os.environ, tmp_path / "log", tmp_path)
    while "on" not in (tmp_path / "log").read_text():
        time.sleep(0.02)
    stop_gently([started], grace=0.2)
    assert not is_running(started)


def test_a_record_survives_being_written_down(tmp_path: Path) -> None:
    started = Started("x", 1, 2.0, str(tmp_path))
    assert Started.from_record(started.to_record()) == started
    assert not is_running(replace(started, pid=2**22 + 1))


@pytest.mark.parametrize(("content", "shown"), [("a\nb\nc\n", "  b\n  c"), ("", "  (the log is empty)")])
def test_the_end_of_a_log_is_shown(tmp_path: Path, content: str, shown: str) -> None:
    (tmp_path / "log").write_text(content)
    assert read_last_lines(tmp_path / "log", 2) == shown
    assert read_last_lines(tmp_path / "nowhere") == "  (no log)"
