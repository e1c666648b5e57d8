"""Rounds: in each, all contestants take turns with a night that is new to all of them."""

import statistics
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import timedelta
from typing import Any

from benchmarks.performance.contestants import Run, Seconds, list_contestants, run_nightshift
from benchmarks.performance.house import NIGHT, Bench, Prepared, prepare_night, settle
from benchmarks.performance.spark import NotMeasured, Spark, open_spark, run_spark
from nightshift.config.pipeline import PipelineConfig

Say = Callable[[str], None]


def compare(
    bench: Bench, config: PipelineConfig, rows: int, rounds: int, spark: bool, say: Say, once: Collection[str] = ()
) -> dict[str, Any]:
    """Seconds of everybody on one shape. The slow ones race on the plain one alone; those named `once` in one round."""
    # What is loaded, compiled or allocated once, by us or by the server for its log, is so before the first round.
    warm = prepare_night(bench, config, rows, NIGHT)
    run_nightshift(bench, warm)
    runs, notes = list_contestants(bench, slow=config.name == "plain"), {}
    if spark and config.name == "plain":
        try:
            runs["spark"] = _prepare_spark(bench, warm, say)
        except NotMeasured as reason:
            notes["spark"] = str(reason)
            say(str(reason))
    nights = (prepare_night(bench, config, rows, NIGHT + timedelta(days=1 + number)) for number in range(rounds))
    seconds, failures = take_turns(nights, runs, lambda: settle(bench), say, once)
    return {"seconds": _split_spark(seconds), "notes": notes | failures}


def _prepare_spark(bench: Bench, warm: Prepared, say: Say) -> Run:
    """NotMeasured where something lacks; a run shows it, and has the files of its libraries read once."""
    spark: Spark = open_spark(bench, say)
    run_spark(bench, spark, warm, warm_runs=0)
    return lambda prepared: run_spark(bench, spark, prepared)


def take_turns(
    nights: Iterator[Prepared],
    runs: Mapping[str, Run],
    settle: Callable[[], None],
    say: Say,
    once: Collection[str] = (),
) -> tuple[dict[str, Any], dict[str, str]]:
    """Of each contestant each part: median, least, most and every round; and why somebody gave up."""
    found: dict[str, dict[str, list[float]]] = {name: {} for name in runs}
    failures: dict[str, str] = {}
    for number, prepared in enumerate(nights, 1):
        for name, run in runs.items():
            if name in failures or (name in once and number > 1):
                continue
            settle()
            try:
                parts = run(prepared)
            except NotMeasured as reason:
                failures[name] = str(reason)
                say(f"{name}: {reason}")
                continue
            for part, value in parts.items():
                found[name].setdefault(part, []).append(round(value, 3))
            say(f"{prepared.config.name}, round {number}, {name}: {_show(parts)}")
        prepared.features.unlink()
    return {name: sum_up_parts(parts) for name, parts in found.items() if parts}, failures


def _show(parts: Seconds) -> str:
    return ", ".join(f"{part} {value:.2f} s" for part, value in parts.items())


def sum_up_parts(parts: Mapping[str, list[float]]) -> dict[str, Any]:
    """Median, least, most, and every round, of each part."""
    return {
        part: {"median": statistics.median(values), "least": min(values), "most": max(values), "rounds": values}
        for part, values in parts.items()
    }


def _split_spark(seconds: dict[str, Any]) -> dict[str, Any]:
    """Cold and warm are contestants of their own."""
    spark = seconds.pop("spark", {})
    return seconds | {f"spark_{part}": {"total": values} for part, values in spark.items()}
