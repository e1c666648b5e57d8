"""The executor says how every process ended, also one that was killed, and the others go on."""

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from nightshift.orchestration import executor as module
from nightshift.orchestration.executor import ProcessExecutor


@dataclass(frozen=True)
class Work:
    """What the executor reads of a workload."""

    key: str
    success_state: str = "success"
    failure_state: str = "failed"
    running_state: Any = None


def live_as_told(work: Work, conf: Any) -> None:
    if work.key == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if work.key == "raises":
        raise SystemExit(1)


@pytest.fixture
def executor(monkeypatch: pytest.MonkeyPatch) -> Iterator[ProcessExecutor]:
    monkeypatch.setattr(module, "run_workload", live_as_told)
    executor = ProcessExecutor(parallelism=4)
    executor.start()
    yield executor
    executor.end()


def run(executor: ProcessExecutor, *names: str) -> dict[Any, Any]:
    """How each of these ended."""
    executor._process_workloads([Work(name) for name in names])
    while executor.started:
        executor.sync()
        time.sleep(0.02)
    return {key: state for key, (state, _) in executor.get_event_buffer().items()}


@pytest.mark.guarantee(14)
def test_a_task_whose_supervisor_was_killed_is_reported_as_failed_at_once(executor: ProcessExecutor) -> None:
    assert run(executor, "well", "killed", "raises") == {"well": "success", "killed": "failed", "raises": "failed"}
    assert executor.running == set()


@pytest.mark.guarantee(14)
def test_after_a_kill_the_next_task_starts(executor: ProcessExecutor) -> None:
    for _ in range(3):
        run(executor, "killed", "killed")
    assert run(executor, "well") == {"well": "success"}


@pytest.mark.parametrize("method", ["forkserver", "fork"])
def test_what_tasks_fork_from_is_started_before_the_first_task(monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    started: list[str] = []
    monkeypatch.setattr(module.multiprocessing, "get_start_method", lambda: method)
    monkeypatch.setattr(module.forkserver, "ensure_running", lambda: started.append(method))
    ProcessExecutor(parallelism=1).start()
    assert started == (["forkserver"] if method == "forkserver" else [])
