"""Stands in for the package `statsd` in a benchmark's copy of the project: Airflow's own metrics, in a file."""

import os
import time
from types import TracebackType
from typing import Any

KEPT = ("scheduler.scheduler_loop_duration", "dag_processing.last_duration", "dag_processing.total_parse_time")


def keep(stat: str, value: Any) -> None:
    """One line: when, what, how much (milliseconds for durations that a timer took)."""
    if any(name in stat for name in KEPT):
        with open(os.environ["BENCH_METRICS"], "a") as file:  # noqa: PTH123  (imported by every Airflow process)
            file.write(f"{time.time():.2f} {stat} {value}\n")


class _Timer:
    def __init__(self, stat: str) -> None:
        self.stat = stat

    def start(self) -> "_Timer":
        """Begin."""
        self.began = time.perf_counter()
        return self

    def stop(self, send: bool = True) -> "_Timer":
        """End, and keep it."""
        keep(self.stat, round((time.perf_counter() - self.began) * 1000, 1))
        return self

    def send(self) -> None:
        """Kept already."""

    def __enter__(self) -> "_Timer":
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class StatsClient:
    """What Airflow calls of the real one."""

    def __init__(self, *address: Any) -> None:
        pass

    def incr(self, *arguments: Any) -> None:
        """Not kept."""

    decr = incr

    def gauge(self, stat: str, value: Any, *arguments: Any) -> None:
        """A value."""
        keep(stat, value)

    def timing(self, stat: str, value: Any) -> None:
        """A duration."""
        keep(stat, value.total_seconds() * 1000 if hasattr(value, "total_seconds") else value)

    def timer(self, stat: str, *arguments: Any) -> _Timer:
        """Takes the time of a block."""
        return _Timer(stat)
