"""Sums up, guarantee by guarantee, what the run proved and what readers saw meanwhile (plugin, see conftest.py)."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

GUARANTEES = {
    1: "a partition is fully visible or not at all",
    2: "running again gives the same rows",
    3: "concurrent loads of a partition come one after the other",
    4: "a crash between the lake and the commit loses nothing",
    5: "a lost reply to COMMIT doubles nothing",
    6: "one champion",
    7: "a failed gate leaves the champion as it was",
    8: "a version that can't be served is never promoted",
    9: "a corrupt or tampered artifact is refused",
    10: "a bad batch never reaches the scored table",
    11: "late, repeated and reordered input converges",
    12: "no storms of retraining",
    13: "a paused zombie can't overwrite",
    14: "a killed task is tried again",
    15: "the database restarts in the middle of a load",
    16: "the object store fails, stalls, cuts off",
    17: "the disk is full",
    18: "daylight saving and wrong clocks",
    19: "the source's schema changes",
    20: "a scheduler dies",
    21: "least privilege",
    22: "no secret leaks",
    23: "every page asks who is there",
    24: "only what was pinned is installed",
}


@dataclass
class Proof:
    """How the tests of each guarantee ended, and what was counted while faults were injected."""

    outcomes: dict[int, Counter[str]] = field(default_factory=lambda: {number: Counter() for number in GUARANTEES})
    counts: Counter[str] = field(default_factory=Counter)

    def observe(self, **counts: int) -> None:
        """Add to the sums, such as `polls=12, half_visible=0, rows_lost=0, rows_doubled=0, wrong_champions=0`."""
        self.counts.update(counts)

    def add(self, record: dict[str, Any]) -> None:
        """What another process proved, from `to_record`."""
        self.counts.update(record["counts"])
        for number, outcomes in record["outcomes"].items():
            self.outcomes[int(number)].update(outcomes)

    def to_record(self) -> dict[str, Any]:
        """As plain values."""
        return {"outcomes": self.outcomes, "counts": self.counts}

    def describe(self) -> Iterator[str]:
        """One line a guarantee, then the sums."""
        for number, name in GUARANTEES.items():
            found = sorted(self.outcomes[number].items())
            told = ", ".join(f"{count} {outcome}" for outcome, count in found) or "NOT TESTED"
            yield f"{number:3}  {name:58} {told}"
        yield "     " + (", ".join(f"{name} {count}" for name, count in self.counts.items()) or "nothing counted")


PROOF = pytest.StashKey[Proof]()


def pytest_configure(config: pytest.Config) -> None:
    """Nothing proven yet."""
    config.stash[PROOF] = Proof()


@pytest.fixture
def observe(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Adds to the sums that are printed at the end of the run."""
    return request.config.stash[PROOF].observe


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Count each test for the guarantees that it proves."""
    report = yield
    if report.when == "call" or (report.when == "setup" and not report.passed):
        for marker in item.iter_markers("guarantee"):
            for number in marker.args:
                item.config.stash[PROOF].outcomes[number][report.outcome] += 1
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print what was proven, or leave it to whoever merges the parts of a run."""
    if target := config.getoption("--proof"):
        Path(target).write_text(json.dumps(config.stash[PROOF].to_record()))
    elif config.getoption("--guarantees"):
        terminalreporter.section("guarantees")
        for line in config.stash[PROOF].describe():
            terminalreporter.line(line)
