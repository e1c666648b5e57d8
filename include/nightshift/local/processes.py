"""Processes that outlive the command that started them, and are found again by pid and start time."""

import contextlib
import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import psutil

# Our own children, kept so that they can be reaped: a child that nobody waits for stays a zombie.
_children: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True)
class Started:
    """A process that we started. The pid alone may belong to somebody else by now."""

    name: str
    pid: int
    born: float
    log: str

    def to_record(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Self:
        """The reverse of `to_record`."""
        return cls(**record)


def read_birth(pid: int) -> float | None:
    """When the process started, on a clock that nobody can set; None where there is no such process."""
    if child := _children.get(pid):
        child.poll()
    with contextlib.suppress(OSError, IndexError, ValueError):
        if sys.platform == "linux":
            # Ticks since the machine booted. Times of day would shift with every correction of the clock.
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            return None if fields[0] in "ZX" else float(fields[19])
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    return None


def is_running(started: Started) -> bool:
    """Whether it is still the process that we started."""
    return read_birth(started.pid) == started.born


def start_detached(
    name: str,
    command: Sequence[str | Path],
    environ: Mapping[str, str],
    log: Path,
    cwd: Path,
    user: pwd.struct_passwd | None = None,
) -> Started:
    """Start `command` in a session of its own, writing to `log`; it keeps running when this process ends."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists():
        log.replace(log.with_suffix(".previous.log"))
    with log.open("ab") as output:
        child = subprocess.Popen(
            [str(part) for part in command],
            env=dict(environ),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **become(user),
        )
    _children[child.pid] = child
    return Started(name, child.pid, read_birth(child.pid) or 0.0, str(log))


def become(user: pwd.struct_passwd | None) -> dict[str, Any]:
    """The arguments that make `subprocess` run a command as `user`."""
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}


def stop_gently(processes: Iterable[Started], grace: float, signal_number: int = signal.SIGTERM) -> None:
    """Ask each process to end, wait for all, and kill what is left of their sessions after `grace` seconds."""
    # A pid that is somebody else's now is left alone. One that is gone may have left children in its session, and
    # while it has, the system gives its number to nobody.
    ours = [started for started in processes if read_birth(started.pid) in (started.born, None)]
    for started in filter(is_running, ours):
        _send(started.pid, signal_number)
    deadline = time.monotonic() + grace
    while time.monotonic() < deadline and any(is_running(started) for started in ours):
        time.sleep(0.1)
    _kill_sessions({started.pid for started in ours})


def _kill_sessions(sessions: set[int]) -> None:
    """Kill all processes of these sessions. Airflow's tasks have groups of their own, but stay in the session."""
    for _ in range(20):
        left = [pid for pid in psutil.pids() if _find_session(pid) in sessions and read_birth(pid) is not None]
        if not left:
            return
        for pid in left:
            _send(pid, signal.SIGKILL)
        time.sleep(0.1)


def _find_session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None


def _send(pid: int, signal_number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal_number)


def read_last_lines(log: str | Path, count: int = 15) -> str:
    """The end of a log file, indented, for an error message."""
    try:
        lines = Path(log).read_text(errors="replace").splitlines()[-count:]
    except OSError:
        return "  (no log)"
    return "\n".join(f"  {line}" for line in lines) or "  (the log is empty)"
