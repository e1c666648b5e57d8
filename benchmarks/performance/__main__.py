"""`make bench`: Nightshift beside others and beside the limits, in one run.

It writes JSON and the tables of docs/reference/performance.md. Quote the ratios, not the seconds: those belong to the
machine. `--full` goes on to ten million rows and adds a training on a million. `--only` measures some parts; what
others found stays, also where one fails.
"""

import argparse
import signal
import sys
import time
import traceback
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from benchmarks.performance.house import open_bench, prepare_shape
from benchmarks.performance.report import SHAPES, keep_section, write_tables

MILLION = 1_000_000
# Contestants that take minutes for many millions of rows.
SLOW = ("template", "predict", "nightshift_again", "copy_by_server_again")
# What a part has found so far.
Found = dict[str, Any]


def say(line: str) -> None:
    """Progress."""
    print(f"  {line}", flush=True)


def read_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rows", type=int, default=MILLION, help="of the comparison, the night and the training")
    parser.add_argument("--grow", type=int, nargs="+", help="numbers of rows of the curve")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--full", action="store_true", help="ten times the rows, and the training, as well")
    parser.add_argument("--only", nargs="+", choices=tuple(PARTS), default=[])
    parser.add_argument("--shapes", nargs="+", choices=tuple(SHAPES), default=list(SHAPES))
    parser.add_argument("--no-spark", action="store_true")
    arguments = parser.parse_args()
    arguments.only = arguments.only or [name for name in PARTS if name not in ONLY_FULL or arguments.full]
    arguments.grow = arguments.grow or [10_000, 100_000, MILLION, *([10 * MILLION] if arguments.full else [])]
    return arguments


def run_compare(arguments: argparse.Namespace) -> Iterator[Found]:
    """Everybody on the same rows, shape by shape."""
    return _compare(arguments.shapes, arguments.rows, arguments.rounds, not arguments.no_spark)


def run_large(arguments: argparse.Namespace) -> Iterator[Found]:
    """The same with ten times the rows; whoever takes minutes has one round."""
    return _compare(["plain"], 10 * arguments.rows, arguments.rounds, not arguments.no_spark, SLOW)


def _compare(names: Sequence[str], rows: int, rounds: int, spark: bool, once: Collection[str] = ()) -> Iterator[Found]:
    from benchmarks.performance.compare import compare

    shapes: Found = {}
    with open_bench() as bench:
        for shape in names:
            shapes[shape] = compare(bench, prepare_shape(bench, shape), rows, rounds, spark, say, once)
            yield {"rows": rows, "rounds": rounds, "shapes": shapes}


def run_growth(arguments: argparse.Namespace) -> Iterator[Found]:
    """Cost and memory of each step against rows, number by number."""
    from benchmarks.performance.growth import measure_growth

    rounds = min(arguments.rounds, 2)
    shapes: dict[str, list[Found]] = {}
    with open_bench() as bench:
        for shape in arguments.shapes:
            shapes[shape] = []
            for row in measure_growth(bench, prepare_shape(bench, shape), arguments.grow, rounds, say):
                shapes[shape].append(row)
                yield {"rounds": rounds, "shapes": shapes}


def run_night(arguments: argparse.Namespace) -> Iterator[Found]:
    """A night through the scheduler, beside the plain script."""
    from benchmarks.performance.night import measure_night

    yield measure_night(arguments.rows, arguments.rounds, say)


def run_training(arguments: argparse.Namespace) -> Iterator[Found]:
    """A training with its search, beside a single fit."""
    from benchmarks.performance.training import measure_training

    yield measure_training(arguments.rows, say)


PARTS: dict[str, Callable[[argparse.Namespace], Iterator[Found]]] = {
    "compare": run_compare,
    "large": run_large,
    "growth": run_growth,
    "night": run_night,
    "training": run_training,
}


# They take long.
ONLY_FULL = ("large", "training")


def measure_part(name: str, arguments: argparse.Namespace) -> bool:
    """Measure, and keep what is found as it comes; False where that failed."""
    start = time.monotonic()
    try:
        for found in PARTS[name](arguments):
            keep_section(name, found | {"took": round(time.monotonic() - start)})
            write_tables()
    except Exception:
        traceback.print_exc()
        say(f"{name}: failed after {time.monotonic() - start:.0f} s; again with: make bench ARGS='--only {name}'")
        return False
    say(f"{name}: {time.monotonic() - start:.0f} s")
    return True


def main() -> None:
    """Every part that was asked for; the exit code is 1 where one failed."""
    # Told to end, it leaves no server behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    arguments = read_arguments()
    failed = [name for name in arguments.only if not measure_part(name, arguments)]
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
