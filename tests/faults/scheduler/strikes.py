"""How each fault of a chaos plan is done to the running stack."""

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import Any

import psutil

from nightshift.local.processes import stop_gently
from tests.faults.scheduler.chaos_plan import Fault
from tests.faults.scheduler.kit import Site, kill
from tests.faults.scheduler.project import PIPELINE
from tests.faults.scheduler.site import start_scheduler

PAUSE, PAUSE_PAST_TIMEOUT, LAKE_FAILS = 3.0, 26.0, 2.0
# So long a fault waits for somebody whom it can strike.
LOOK_SECONDS = 20.0
# Whoever has written something that is not committed yet.
CUT = (
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()"
    " and pid <> pg_backend_pid() and backend_xid is not null and backend_type = 'client backend'"
)


@dataclass
class Strikes:
    """One wave's faults: `running` are its nights, `through` those of the wave before; `hit` and `missed` count."""

    site: Site
    tell: Callable[..., None]
    running: tuple[date, ...]
    through: list[date]
    waiting: list[threading.Thread] = field(default_factory=list)
    expected_failures: set[str] = field(default_factory=set)
    hit: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)

    def strike(self, fault: Fault) -> None:
        """Do it, and say to whom; a fault that found nobody is none."""
        found = getattr(self, fault.kind)(fault.victim)
        (self.hit if found else self.missed)[fault.kind] += 1
        self.tell("fault" if found else "missed", fault=fault.kind, victim=str(found))

    def settle(self) -> None:
        """Wait until everything that was to end by itself has ended."""
        for thread in self.waiting:
            thread.join()

    def kill_task(self, victim: int) -> Any:
        return look_for(lambda: self._strike_one(victim, lambda supervisor: any(map(kill, supervisor.children()))))

    def kill_supervisor(self, victim: int) -> Any:
        return look_for(lambda: self._strike_one(victim, kill))

    def pause(self, victim: int) -> Any:
        return look_for(lambda: self._strike_one(victim, lambda supervisor: self._pause(supervisor, PAUSE)))

    def pause_past_timeout(self, victim: int) -> Any:
        seconds = PAUSE_PAST_TIMEOUT
        return look_for(lambda: self._strike_one(victim, lambda supervisor: self._pause(supervisor, seconds)))

    def cut_connection(self, victim: int) -> Any:
        return look_for(lambda: len(self.site.ask(CUT)), pause=0.02)

    def lake_fails(self, victim: int) -> Any:
        fails, failed = (self.site.failpoints / name for name in ("lake_fails", "lake_failed"))
        failed.unlink(missing_ok=True)
        fails.touch()
        found = look_for(failed.exists)
        self._later(LAKE_FAILS, partial(fails.unlink, missing_ok=True))
        return found

    def kill_scheduler(self, victim: int) -> Any:
        scheduler = self.site.find_component("scheduler")
        kill(scheduler)
        return scheduler.pid

    def second_scheduler(self, victim: int) -> Any:
        started = start_scheduler(self.site)
        # Killed in its start, or while it schedules.
        self._later(5.0 + victim % 25, lambda: stop_gently([started], grace=0))
        return started.pid

    def trigger_again(self, victim: int) -> Any:
        night = self.running[victim % len(self.running)]
        self.site.start("ingest", night, f"chaos-{night}")
        return self.site.start("ingest", night, f"chaos-{night}-again-{victim}")

    def clear_task(self, victim: int) -> Any:
        night = self._take(victim)
        task = ("extract", "validate", "build_features")[victim % 3]
        body = {"dry_run": False, "dag_run_id": f"chaos-{night}", "task_ids": [task], "only_failed": False}
        body |= {"include_downstream": True, "reset_dag_runs": True}
        self.site.house.client.call("POST", f"/dags/{PIPELINE}_ingest/clearTaskInstances", body)
        return f"{night} {task}"

    def bad_batch(self, victim: int) -> Any:
        night = self._take(victim)
        run_id = self.site.start("ingest", night, f"chaos-{night}-bad", scenario="bad")
        self.expected_failures.add(run_id)
        return night

    def late_file(self, victim: int) -> Any:
        night = self._take(victim)
        self.site.add_late_rows(night)
        return self.site.start("ingest", night, f"chaos-{night}-late")

    def _take(self, victim: int) -> date:
        return self.through.pop(victim % len(self.through))

    def _strike_one(self, victim: int, strike: Callable[[psutil.Process], bool]) -> Any:
        supervisors = self.site.list_supervisors()
        for chosen in sorted(supervisors, key=lambda process: (process.pid - victim) % 1000):
            with contextlib.suppress(psutil.NoSuchProcess):
                if strike(chosen):
                    return chosen.pid
        return None

    def _pause(self, supervisor: psutil.Process, seconds: float) -> bool:
        stopped = [supervisor, *supervisor.children()]
        for process in stopped:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.suspend()
        self._later(seconds, lambda: resume(stopped))
        return len(stopped) > 1

    def _later(self, seconds: float, call: Callable[[], object]) -> None:
        thread = threading.Timer(seconds, call)
        thread.start()
        self.waiting.append(thread)


def look_for(find: Callable[[], Any], pause: float = 0.2) -> Any:
    """What `find` finds, which it may try for a while; otherwise something false."""
    deadline = time.monotonic() + LOOK_SECONDS
    while not (found := find()) and time.monotonic() < deadline:
        time.sleep(pause)
    return found


def resume(stopped: list[psutil.Process]) -> None:
    """Let the tasks go on before their supervisors can end them."""
    for process in reversed(stopped):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.resume()
