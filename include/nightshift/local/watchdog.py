"""Starts again what has died while nobody was looking: PostgreSQL and Airflow's components.

`nightshift up` starts it last, `nightshift stop` ends it first. Airflow's own processes end when their database goes
away for a moment, and nothing else on a machine of one's own would bring them back before the next night.
"""

import os
import time
from collections.abc import Mapping
from pathlib import Path

from nightshift.errors import NightshiftError
from nightshift.local.paths import Paths, find_paths, hold_lock
from nightshift.local.postgres import find_server_process, start_postgres
from nightshift.local.processes import is_running
from nightshift.local.stack import read_processes, start_component, write_processes

LOOK_SECONDS = 2.0
# What dies at once again is not started in every look: starting costs a core for seconds.
RESTART_BACKOFF_SECONDS = 15.0


def main() -> None:
    """Look, until somebody ends this process."""
    paths, began = find_paths(), dict[str, float]()
    while True:
        time.sleep(LOOK_SECONDS)
        try:
            for name in restart_dead(paths, os.environ, began):
                print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} started {name} again", flush=True)
        except NightshiftError as error:
            print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {error}", flush=True)


def restart_dead(paths: Paths, environ: Mapping[str, str], began: dict[str, float]) -> list[str]:
    """The names of what was started again; `began` remembers when that was. NightshiftError where it can't start."""
    # Whoever starts or stops the stack holds the lock: what is missing meanwhile has not died.
    with hold_lock(paths.home / "stack.lock"):
        processes = read_processes(paths)
        if not processes:
            return []
        names = []
        if not find_server_process(paths):
            start_postgres(paths)
            names.append("postgres")
        for number, process in enumerate(processes):
            rested = time.monotonic() - began.get(process.name, -RESTART_BACKOFF_SECONDS) >= RESTART_BACKOFF_SECONDS
            if rested and not is_running(process):
                _keep_log(Path(process.log))
                processes[number] = start_component(process.name, environ, paths)
                write_processes(paths, processes)
                began[process.name] = time.monotonic()
                names.append(process.name)
        return names


def _keep_log(log: Path) -> None:
    """What it said at its end, where several deaths don't overwrite it."""
    if log.exists():
        log.replace(log.with_suffix(".died.log"))


if __name__ == "__main__":
    main()
