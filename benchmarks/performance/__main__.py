"""`make bench`: Nightshift beside others and beside the limits, in one run; JSON and the tables of docs/performance.md.

Quote the ratios, not the seconds: those belong to the machine. `--full` goes on to ten million rows and adds a training
on a million; `--only` measures some sections and leaves the other figures as they were.
"""

import argparse
from collections.abc import Callable
from typing import Any

from benchmarks.performance import contestants
from benchmarks.performance.growth import measure_growth
from benchmarks.performance.house import NIGHT, Bench, Prepared, open_bench, prepare_night, prepare_shape
from benchmarks.performance.report import SHAPES, keep_section, write_tables
from benchmarks.performance.spark import NotMeasured, Spark, open_spark, run_spark
from include.config.pipeline import PipelineConfig

MILLION = 1_000_000
SECTIONS = ("compare", "growth", "night", "training")


def say(line: str) -> None:
    """Progress."""
    print(f"  {line}", flush=True)


def read_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rows", type=int, default=MILLION, help="of the comparison, the night and the training")
    parser.add_argument("--grow", type=int, nargs="+", help="numbers of rows of the curve")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--full", action="store_true", help="ten million rows and the training as well")
    parser.add_argument("--only", nargs="+", choices=SECTIONS)
    parser.add_argument("--shapes", nargs="+", choices=tuple(SHAPES), default=list(SHAPES))
    parser.add_argument("--no-spark", action="store_true")
    arguments = parser.parse_args()
    arguments.only = arguments.only or [name for name in SECTIONS if name != "training" or arguments.full]
    arguments.grow = arguments.grow or [10_000, 100_000, MILLION, *([10 * MILLION] if arguments.full else [])]
    return arguments


def compare(bench: Bench, configs: dict[str, PipelineConfig], arguments: argparse.Namespace) -> dict[str, Any]:
    """Everybody on the same rows. The second shape without the slow ones, who would only be slower."""
    found: dict[str, Any] = {"rows": arguments.rows, "rounds": arguments.rounds, "shapes": {}}
    for shape, config in configs.items():
        prepared = prepare_night(bench, config, arguments.rows, NIGHT)
        spark = None
        if shape == "plain" and not arguments.no_spark:
            try:
                spark = open_spark(bench, say)
                # Whether it runs at all, and the files of its libraries read once.
                run_spark(spark, prepared, warm_runs=0)
            except NotMeasured as reason:
                spark, found["spark"] = None, str(reason)
                say(str(reason))
        contestants.run_nightshift(bench, prepared)
        runs = list_contestants(bench, prepared, spark, slow=shape == "plain")
        seconds = contestants.measure(arguments.rounds, runs, say)
        found["shapes"][shape] = _split_spark(seconds)
    return found


def list_contestants(bench: Bench, prepared: Prepared, spark: Spark | None, slow: bool) -> dict[str, contestants.Run]:
    """Name: what is timed."""
    file = contestants.export_rows(bench, prepared)
    runs: dict[str, contestants.Run] = {"nightshift": lambda: contestants.run_nightshift(bench, prepared)}
    if slow:
        runs["template"] = lambda: contestants.run_template(bench, prepared)
    if spark:
        runs["spark"] = lambda: run_spark(spark, prepared)
    runs["copy_by_server"] = lambda: contestants.copy_by_server(bench, prepared, file)
    runs["copy_by_client"] = lambda: contestants.copy_by_client(bench, prepared, file)
    runs["predict"] = contestants.make_prediction(prepared)
    runs["read"] = lambda: contestants.read_only(prepared)
    return runs


def _split_spark(seconds: dict[str, Any]) -> dict[str, Any]:
    spark = seconds.pop("spark", {})
    return seconds | {f"spark_{part}": {"total": values} for part, values in spark.items()}


def measure_sections(arguments: argparse.Namespace, keep: Callable[[str, dict[str, Any]], None]) -> None:
    """Each section that was asked for."""
    if {"compare", "growth"} & set(arguments.only):
        with open_bench() as bench:
            configs = {shape: prepare_shape(bench, shape) for shape in arguments.shapes}
            if "compare" in arguments.only:
                keep("compare", compare(bench, configs, arguments))
            if "growth" in arguments.only:
                rounds = min(arguments.rounds, 2)
                shapes = {
                    shape: measure_growth(bench, config, arguments.grow, rounds, say)
                    for shape, config in configs.items()
                }
                keep("growth", {"rounds": rounds, "shapes": shapes})
    if "night" in arguments.only:
        from benchmarks.performance.night import measure_night

        keep("night", measure_night(arguments.rows, min(arguments.rounds, 2), say))
    if "training" in arguments.only:
        from benchmarks.performance.training import measure_training

        keep("training", measure_training(arguments.rows, say))


if __name__ == "__main__":
    measure_sections(read_arguments(), keep_section)
    write_tables()
