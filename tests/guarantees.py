"""Sums up, guarantee by guarantee, what the run proved and what readers saw meanwhile (plugin, see conftest.py)."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

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
class Observed:
    """What was counted while faults were injected."""

    counts: Counter[str] = field(default_factory=Counter)

    def add(self, **counts: int) -> None:
        """Add to the sums, such as `polls=12, half_visible=0, rows_lost=0, rows_doubled=0, wrong_champions=0`."""
        self.counts.update(counts)


OBSERVED = pytest.StashKey[Observed]()
OUTCOMES = pytest.StashKey[dict[int, Counter[str]]]()


def pytest_configure(config: pytest.Config) -> None:
    """Nothing seen yet."""
    config.stash[OBSERVED] = Observed()
    config.stash[OUTCOMES] = {number: Counter() for number in GUARANTEES}


@pytest.fixture
def observe(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Adds to the sums that are printed at the end of the run."""
    return request.config.stash[OBSERVED].add


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Count each test for the guarantees that it proves."""
    report = yield
    if report.when == "call" or (report.when == "setup" and not report.passed):
        for marker in item.iter_markers("guarantee"):
            for number in marker.args:
                item.config.stash[OUTCOMES][number][report.outcome] += 1
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """One line a guarantee, then the sums."""
    if not config.getoption("--guarantees"):
        return
    terminalreporter.section("guarantees")
    for number, name in GUARANTEES.items():
        counts = config.stash[OUTCOMES][number]
        told = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items())) or "NOT TESTED"
        terminalreporter.line(f"{number:3}  {name:58} {told}")
    sums = config.stash[OBSERVED].counts
    terminalreporter.line("     " + (", ".join(f"{name} {count}" for name, count in sums.items()) or "nothing counted"))
