"""Nights through a real scheduler while random faults strike: nothing lost, nothing doubled, nothing half-visible.

    python -m tests.faults.scheduler.chaos --nights 32 --seed 7 [--wave 25] [--parallel 6] [--minutes 20]

`--wave` nights run at a time, `--parallel` tasks of them at once. It ends after `--minutes` whatever happens.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from nightshift.local.rest import AirflowRefused, AirflowUnreachable
from tests.faults.scheduler.chaos_plan import Wave, draw_plan
from tests.faults.scheduler.kit import Reader, Site, check_nights, read_all_the_time, wait_until
from tests.faults.scheduler.project import PIPELINE
from tests.faults.scheduler.site import open_site
from tests.faults.scheduler.strikes import Strikes

WAVE_SECONDS = 900.0
RUNS = f"select run_id from dag_run where dag_id in ('{PIPELINE}_ingest', '{PIPELINE}_score')"


@dataclass
class Chaos:
    """A run of a plan, and the history that it leaves: one JSON line per fault and observation."""

    site: Site
    history: Path
    began: float = field(default_factory=time.monotonic)
    counts: Counter[str] = field(default_factory=Counter)
    hit: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)

    def tell(self, event: str, **told: Any) -> None:
        """A line of the history."""
        line = {"at": round(time.monotonic() - self.began, 2), "event": event, **told}
        with self.history.open("a") as file:
            file.write(json.dumps(line, default=str) + "\n")

    def run(self, waves: Iterable[Wave], minutes: float) -> None:
        """All waves, or as many as the time allows; AssertionError at the first thing that is not as it must be."""
        champion, through, everything = self._read_champion(), list[date](), list[date]()
        with read_all_the_time(self.site) as reader:
            for wave in waves:
                if time.monotonic() - self.began > minutes * 60:
                    self.tell("out of time", nights=len(everything))
                    break
                reader.since = min([*through, *wave.nights])
                self._run_wave(wave, through)
                through = sorted(wave.nights)
                everything += wave.nights
                self._check(everything, reader, champion)

    def _run_wave(self, wave: Wave, through: list[date]) -> None:
        self.tell("wave", **asdict(wave))
        strikes = Strikes(self.site, self.tell, wave.nights, list(through))
        for night in wave.nights:
            persist(lambda night=night: self.site.start("ingest", night, f"chaos-{night}"))  # type: ignore[misc]
        wait_until(lambda: bool(self.site.list_supervisors()), "no task starts", WAVE_SECONDS)
        began = time.monotonic()
        for fault in wave.faults:
            time.sleep(max(0.0, began + fault.after - time.monotonic()))
            persist(lambda fault=fault: strikes.strike(fault))  # type: ignore[misc]
        strikes.settle()
        self.hit += strikes.hit
        self.missed += strikes.missed
        self.counts.update(faults=strikes.hit.total(), nights=len(wave.nights))
        wait_until(lambda: self._is_calm(wave.nights), "some nights do not end", WAVE_SECONDS, pause=1.0)
        failed = {run_id for (run_id,) in self.site.ask_airflow(f"{RUNS} and state = 'failed'")}
        wrong = {name for name in failed if not name.endswith("-bad")}
        assert not wrong, f"failed: {wrong}"
        assert strikes.expected_failures <= failed, "a bad batch went through"
        self.tell("calm", seconds=round(time.monotonic() - began, 1), hit=strikes.hit, missed=strikes.missed)

    def _check(self, nights: list[date], reader: Reader, champion: Any) -> None:
        found = check_nights(self.site, nights)
        wrong = int(self._read_champion() != champion)
        self.tell("checked", nights=len(nights), polls=reader.polls, half=reader.half, champion_changed=wrong, **found)
        self.counts.update(wrong_champions=wrong, polls=reader.polls - self.counts["polls"], **found)
        self.counts["half_visible"] = len(reader.half)
        assert found == {"rows_lost": 0, "rows_doubled": 0}
        assert not reader.half
        assert not wrong

    def _is_calm(self, nights: Iterable[date]) -> bool:
        """Whether no run is under way and every night has scores of the rows that came in last."""
        if self._list_open():
            return False
        stale = (
            "select count(*) from unnest(cast(:nights as date[])) night where not exists (select from ml.ledger s"
            " join ml.ledger f using (pipeline, partition_date) where s.kind = 'scores' and f.kind = 'features'"
            " and partition_date = night and s.rows = f.rows)"
        )
        return self.site.ask(stale, nights=list(nights)) == [(0,)]

    def _list_open(self) -> list[tuple[Any, ...]]:
        return self.site.ask_airflow(f"{RUNS} and state not in ('success', 'failed')")

    def _read_champion(self) -> list[tuple[Any, ...]]:
        return self.site.ask("select pipeline, version from ml.champions")


def persist(call: Any) -> None:
    """Ask until somebody answers: the API server may be busy, as whoever asks at night knows."""

    def is_done() -> bool:
        try:
            call()
        except AirflowUnreachable:
            return False
        except AirflowRefused as error:
            if error.status < 500:
                raise
            return False
        return True

    wait_until(is_done, "Airflow does not answer", 120, pause=1.0)


def run_chaos(seed: int, nights: int, size: int, parallel: int, minutes: float, history: Path) -> Chaos:
    """A stack of its own, and the plan of the seed on it; what was counted, and `hit` and `missed` by kind of fault."""
    with open_site(parallel) as site:
        chaos = Chaos(site, history)
        chaos.tell("plan", seed=seed, nights=nights, wave=size, parallel=parallel)
        try:
            chaos.run(draw_plan(seed, nights, size), minutes)
        except BaseException as error:
            chaos.tell("failed", error=str(error))
            raise
    return chaos


def main() -> None:
    """Run it and print the counts; the history stays."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nights", type=int, default=32)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--wave", type=int, default=25)
    parser.add_argument("--parallel", type=int, default=6)
    parser.add_argument("--minutes", type=float, default=20)
    given = parser.parse_args()
    history = Path(tempfile.gettempdir()) / f"nightshift-chaos-{given.seed}.jsonl"
    history.unlink(missing_ok=True)
    print(f"seed {given.seed}, history {history}", flush=True)
    began = time.monotonic()
    chaos = run_chaos(given.seed, given.nights, given.wave, given.parallel, given.minutes, history)
    seconds = round(time.monotonic() - began)
    print(json.dumps({**chaos.counts, "hit": chaos.hit, "missed": chaos.missed, "seconds": seconds}))


if __name__ == "__main__":
    sys.exit(main())
