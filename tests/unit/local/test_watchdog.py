"""What died is started again, once in a while; what was stopped stays stopped."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nightshift.local import watchdog as keeper
from nightshift.local.paths import Paths, write_json
from nightshift.local.processes import Started, is_running, start_detached, stop_gently
from nightshift.local.stack import read_processes
from nightshift.local.watchdog import restart_dead

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Paths]:
    """A stack of two sleeping processes and a server that runs."""
    paths = Paths(tmp_path, tmp_path)

    def start(name: str, environ: object, paths: Paths) -> Started:
        return start_detached(name, SLEEP, {}, tmp_path / f"{name}.log", tmp_path)

    monkeypatch.setattr(keeper, "start_component", start)
    monkeypatch.setattr(keeper, "find_server_process", lambda paths: True)
    started = [start(name, {}, paths) for name in ("scheduler", "triggerer")]
    write_json(paths.stack, {"url": "http://here", "processes": [process.to_record() for process in started]})
    yield paths
    stop_gently([*started, *read_processes(paths)], grace=1)


@pytest.mark.guarantee(20)
def test_what_died_is_started_again_and_nothing_else(paths: Paths) -> None:
    before = read_processes(paths)
    subprocess.run(["kill", "-9", str(before[0].pid)], check=True)
    while is_running(before[0]):
        pass
    assert restart_dead(paths, {}, {}) == ["scheduler"]
    after = read_processes(paths)
    assert all(map(is_running, after))
    assert (after[0] != before[0], after[1]) == (True, before[1])


@pytest.mark.guarantee(20)
def test_what_dies_at_once_again_rests_first(paths: Paths) -> None:
    began: dict[str, float] = {}
    for expected in (["scheduler"], []):
        stop_gently(read_processes(paths)[:1], grace=1)
        assert restart_dead(paths, {}, began) == expected


def test_a_stopped_stack_stays_stopped(paths: Paths) -> None:
    stop_gently(read_processes(paths), grace=1)
    paths.stack.unlink()
    assert restart_dead(paths, {}, {}) == []
