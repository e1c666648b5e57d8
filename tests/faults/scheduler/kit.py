"""The stack of the fault tests: who runs what, waiting, killing, and what must be true afterwards."""

import contextlib
import hashlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
from sqlalchemy.exc import SQLAlchemyError

from nightshift.config.pipeline import PipelineConfig
from nightshift.errors import NightshiftError
from nightshift.local.paths import Paths, read_json
from nightshift.local.postgres import start_postgres
from nightshift.local.rest import AirflowRefused, AirflowUnreachable
from nightshift.steps import runs
from tests.e2e.kit import House
from tests.faults.scheduler.project import LATE_ROWS, PIPELINE, ROWS

PATIENCE = 240.0
SUPERVISOR = "airflow supervisor: "


@dataclass(frozen=True)
class Site:
    """The house, its state folder and its pipeline."""

    house: House
    paths: Paths
    config: PipelineConfig
    failpoints: Path

    def ask(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        return self.house.ask(query, **values)

    def ask_airflow(self, query: str) -> list[tuple[Any, ...]]:
        """Ask Airflow's own database: the API server would have to look through hundreds of runs each time."""
        server = start_postgres(self.paths)
        with contextlib.closing(server.connect("airflow")) as connection, connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchall()

    def start(self, kind: str, night: date, name: str = "", **conf: Any) -> str:
        """Start a run of the pipeline's DAG; its id. `name` makes it repeatable: asked for twice, it runs once."""
        run_id = name or f"test-{uuid4().hex[:8]}"
        key = None if kind == "train" else str(night)
        more = {"as_of": str(night)} if kind == "train" else {}
        self.house.client.trigger_run(f"{PIPELINE}_{kind}", key, more | conf, run_id)
        return run_id

    def arm(self, run_id: str, task: str, moment: str) -> str:
        """Let the task of this run wait at the moment, once; its name for `wait_reached` and `release`."""
        name = f"{run_id}.{task}.{moment}"
        (self.failpoints / f"{name}.armed").touch()
        return name

    def wait_reached(self, name: str) -> tuple[psutil.Process, psutil.Process]:
        """The task's process, waiting there, and its supervisor."""
        file = self.failpoints / f"{name}.reached"
        wait_until(file.exists, f"nobody came to {name}")
        task, supervisor = (psutil.Process(int(pid)) for pid in file.read_text().split())
        return task, supervisor

    def release(self, name: str) -> None:
        """Let it go on."""
        (self.failpoints / f"{name}.released").touch()

    def list_passed(self, run_id: str) -> list[tuple[str, str]]:
        """Task and moment of everything that the run passed, once each."""
        lines = dict.fromkeys((self.failpoints / "passed").read_text().splitlines())
        # The id of a run that an asset started holds dots itself.
        return [tuple(line.rsplit(".", 2)[1:]) for line in lines if line.startswith(f"{run_id}.")]  # type: ignore[misc]

    def count_passed(self, run_id: str, task: str, moment: str) -> int:
        """How many tries of the run's task passed the moment."""
        return (self.failpoints / "passed").read_text().splitlines().count(f"{run_id}.{task}.{moment}")

    def add_late_rows(self, night: date) -> None:
        """From now on the night's source has more rows."""
        (self.config.folder / "late" / str(night)).write_text(str(LATE_ROWS))

    def finish(self, kind: str, run_id: str, seconds: float = PATIENCE) -> str:
        """The state that the run ends in; the API server or its database may be away meanwhile."""
        found: list[str] = []

        def is_over() -> bool:
            with contextlib.suppress(AirflowUnreachable, AirflowRefused):
                found[:] = [self.house.client.get_run(f"{PIPELINE}_{kind}", run_id)["state"]]
            return bool(found) and found[0] in ("success", "failed")

        wait_until(is_over, f"{kind} {run_id} does not end", seconds, pause=0.3)
        return found[0]

    def list_tries(self, kind: str, run_id: str) -> dict[str, int]:
        """How often each task of the run was tried."""
        tasks = self.house.client.list_task_instances(f"{PIPELINE}_{kind}", run_id)
        return {task["task_id"]: task["try_number"] for task in tasks}

    def learn(self, kind: str, night: date, **params: Any) -> None:
        """The step without the scheduler."""
        if kind == "ingest":
            outcome = runs.run_ingest(self.config, self.house.resources, night, ignore, params or None)
        else:
            outcome = runs.run_score(self.config, self.house.resources, night, ignore)
        assert outcome.status == "done", outcome

    def count_expected(self, night: date) -> int:
        """As many rows as the night's source has."""
        return ROWS + (LATE_ROWS if (self.config.folder / "late" / str(night)).exists() else 0)

    def find_component(self, name: str) -> psutil.Process:
        """A process of the stack by its name."""
        return psutil.Process(next(p["pid"] for p in read_json(self.paths.stack)["processes"] if p["name"] == name))

    def list_supervisors(self) -> list[psutil.Process]:
        """The executor's processes, one per task that runs; the task is their child."""
        return [process for process in self._list_processes() if read_title(process).startswith(SUPERVISOR)]

    def _list_processes(self) -> list[psutil.Process]:
        sessions = {process["pid"] for process in read_json(self.paths.stack)["processes"]}
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(OSError):
                if os.getsid(process.pid) in sessions:
                    found.append(process)
        return found


@dataclass
class Reader:
    """What a reader who never stops asking has seen: nights with neither all of their rows nor none.

    It looks at the nights from `since` on: the earlier ones are through.
    """

    since: date = date(2000, 1, 1)
    polls: int = 0
    half: list[tuple[str, int]] = field(default_factory=list)
    failed: int = 0


@contextlib.contextmanager
def read_all_the_time(site: Site, pause: float = 0.05) -> Iterator[Reader]:
    """Poll the scored table: every night has all rows of one model version, or none."""
    reader, done = Reader(), threading.Event()
    query = (
        f"select partition_date, count(*), count(distinct model_version) from scores.{PIPELINE}"
        " where partition_date >= :since group by 1"
    )

    def poll() -> None:
        while not done.wait(pause):
            try:
                found = site.ask(query, since=reader.since)
            except (NightshiftError, SQLAlchemyError):
                reader.failed += 1
                continue
            reader.polls += 1
            whole = (ROWS, ROWS + LATE_ROWS)
            reader.half += [(str(night), rows) for night, rows, models in found if rows not in whole or models != 1]

    thread = threading.Thread(target=poll, daemon=True)
    thread.start()
    try:
        yield reader
    finally:
        done.set()
        thread.join()


def check_nights(site: Site, nights: Sequence[date]) -> dict[str, int]:
    """Compare ledger, table and lake of these nights; rows_lost, rows_doubled, and raise at whatever else is wrong."""
    lost = doubled = 0
    ledger = {
        (night, kind): (rows, uri, sha256, version)
        for night, kind, rows, uri, sha256, version in site.ask(
            "select partition_date, kind, rows, object_uri, sha256, model_version from ml.ledger"
            " where pipeline = :name and partition_date = any(:nights)",
            name=PIPELINE,
            nights=list(nights),
        )
    }
    table = {
        night: (rows, keys, versions)
        for night, rows, keys, versions in site.ask(
            f"select partition_date, count(*), count(distinct visit), array_agg(distinct model_version)"
            f" from scores.{PIPELINE} where partition_date = any(:nights) group by 1",
            nights=list(nights),
        )
    }
    for night in nights:
        expected = site.count_expected(night)
        rows, keys, versions = table.get(night, (0, 0, []))
        lost, doubled = lost + max(0, expected - keys), doubled + max(0, rows - keys)
        for kind in ("raw", "valid", "features", "scores"):
            assert (night, kind) in ledger, describe_night(site, night)
            recorded, uri, sha256, _ = ledger[night, kind]
            assert recorded == expected, (night, kind, recorded)
            content = Path(uri.removeprefix("file://")).read_bytes()
            assert hashlib.sha256(content).hexdigest() == sha256, (night, kind)
        assert versions == [ledger[night, "scores"][3]], (night, versions)
    return {"rows_lost": lost, "rows_doubled": doubled}


def describe_night(site: Site, night: date) -> str:
    """What the ledger ever said of the night, and how Airflow's tasks of it ended."""
    kinds = "select kind, attempt_number, written_at from {} where partition_date = :night order by written_at"
    known = {table: site.ask(kinds.format(table), night=night) for table in ("ml.ledger", "ml.ledger_history")}
    tasks = site.ask_airflow(
        "select run_id, task_id, try_number, t.state, t.start_date, t.end_date from task_instance t"
        f" join dag_run r using (dag_id, run_id) where partition_key = '{night}' order by t.start_date"
    )
    return "\n".join(map(str, (night, known, *tasks)))


def wait_until(is_true: Callable[[], bool], what: str, seconds: float = PATIENCE, pause: float = 0.1) -> None:
    """AssertionError with `what` when it takes too long."""
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline, what
        time.sleep(pause)


def kill(process: psutil.Process) -> bool:
    """SIGKILL, as the system does when memory runs out; False where the process is gone already."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(signal.SIGKILL)
        return True
    return False


def read_title(process: psutil.Process) -> str:
    """Its command line; empty where it is gone."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def ignore(step: str, outcome: Any) -> None:
    """Nobody looks at progress."""
