"""How each fault of a chaos plan is done to the running stack."""

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import psutil

from include.local.processes import stop_gently
from tests.faults.scheduler.chaos_plan import Fault
from tests.faults.scheduler.kit import Site, kill
from tests.faults.scheduler.project import LATE_ROWS, PIPELINE
from tests.faults.scheduler.site import start_scheduler

PAUSE, PAUSE_PAST_TIMEOUT, LAKE_FAILS = 3.0, 26.0, 4.0
CUT = (
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()"
    " and pid <> pg_backend_pid() and usename = current_user and xact_start is not null"
)


@dataclass
class Strikes:
    """One wave's faults: `running` are its nights, `through` those of the wave before."""

    site: Site
    tell: Callable[..., None]
    running: tuple[date, ...]
    through: list[date]
    waiting: list[threading.Thread] = field(default_factory=list)
    expected_failures: set[str] = field(default_factory=set)

    def strike(self, fault: Fault) -> None:
        """Do it, and say to whom."""
        found = getattr(self, fault.kind)(fault.victim)
        self.tell("fault", fault=fault.kind, victim=str(found))

    def settle(self) -> None:
        """Wait until everything that was to end by itself has ended."""
        for thread in self.waiting:
            thread.join()

    def kill_task(self, victim: int) -> Any:
        return self._with_supervisor(victim, lambda supervisor: [kill(task) for task in supervisor.children()])

    def kill_supervisor(self, victim: int) -> Any:
        return self._with_supervisor(victim, kill)

    def pause(self, victim: int) -> Any:
        return self._with_supervisor(victim, lambda supervisor: self._pause(supervisor, PAUSE))

    def pause_past_timeout(self, victim: int) -> Any:
        return self._with_supervisor(victim, lambda supervisor: self._pause(supervisor, PAUSE_PAST_TIMEOUT))

    def cut_connection(self, victim: int) -> Any:
        return len(self.site.ask(CUT))

    def lake_fails(self, victim: int) -> Any:
        broken = self.site.failpoints / "lake_fails"
        broken.touch()
        self._later(LAKE_FAILS, broken.unlink)
        return f"{LAKE_FAILS} s"

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
        (self.site.config.folder / "late" / str(night)).write_text(str(LATE_ROWS))
        return self.site.start("ingest", night, f"chaos-{night}-late")

    def _take(self, victim: int) -> date:
        return self.through.pop(victim % len(self.through))

    def _with_supervisor(self, victim: int, strike: Callable[[psutil.Process], object]) -> Any:
        deadline = time.monotonic() + 5
        while not (supervisors := self.site.list_supervisors()):
            if time.monotonic() > deadline:
                return "nobody"
            time.sleep(0.2)
        chosen = supervisors[victim % len(supervisors)]
        with contextlib.suppress(psutil.NoSuchProcess):
            strike(chosen)
        return chosen.pid

    def _pause(self, supervisor: psutil.Process, seconds: float) -> None:
        stopped = [supervisor, *supervisor.children()]
        for process in stopped:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.suspend()
        self._later(seconds, lambda: resume(stopped))

    def _later(self, seconds: float, call: Callable[[], object]) -> None:
        thread = threading.Timer(seconds, call)
        thread.start()
        self.waiting.append(thread)


def resume(stopped: list[psutil.Process]) -> None:
    """Let the tasks go on before their supervisors can end them."""
    for process in reversed(stopped):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.resume()
