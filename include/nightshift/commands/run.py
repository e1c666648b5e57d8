"""`run`: the steps of a DAG in this process."""

import argparse
import json
import logging
import os
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from nightshift.commands.base import (
    DEBUG_VARIABLE,
    Commands,
    add_command,
    explain_day,
    get_user,
    make_progress,
    read_date,
)
from nightshift.commands.models import read_version
from nightshift.config.days import list_days, parse_day
from nightshift.config.horizons import MAX_RANGE_DAYS
from nightshift.config.loading import load_named_pipeline
from nightshift.config.names import suggest_name
from nightshift.config.pipeline import PipelineConfig
from nightshift.config.project import COMMAND
from nightshift.errors import NightshiftError, describe_error

log = logging.getLogger(__name__)
# What --set takes, beside the params of a Python source for ingest.
SETTINGS = {
    "ingest": (),
    "score": ("version", "as_of"),
    "train": ("train_from", "train_to", "as_of", "reason", "run_id"),
    "drift": ("as_of",),
}
DATES = ("train_from", "train_to", "as_of")
EXAMPLES = (
    "run flights ingest --partition 2017-06-01",
    "run flights ingest --from 2017-04-01 --to 2017-06-14",
    "run flights train --set train_from=2017-04-01 --set train_to=2017-05-31",
    "run flights score --from 2017-06-01 --to 2017-06-14",
    "run flights score --partition 2017-06-01 --as-of 2026-11-20",
    "run churn ingest --partition 2026-03-01 --set scenario=drift",
)


def add_run(commands: Commands) -> None:
    """`run NAME KIND`."""
    summary = "run the steps of one DAG in this process, without a scheduler; the last line of stdout is a JSON summary"
    parser = add_command(commands, "run", run_run, summary, EXAMPLES)
    parser.add_argument("name", metavar="NAME", help="the pipeline")
    parser.add_argument("kind", metavar="KIND", choices=tuple(SETTINGS), help="ingest, score, train or drift")
    parser.add_argument(
        "--partition", type=read_date, help="the day, as 2026-11-20 (ingest, score: yesterday; otherwise: the newest)"
    )
    parser.add_argument("--from", dest="first", type=read_date, help="the first of many days (ingest, score, drift)")
    parser.add_argument("--to", dest="last", type=read_date, help="the last of many days")
    parser.add_argument(
        "--as-of",
        metavar="DAY",
        help="score: with the champion of that day's end, or of a time as 2026-11-20T08:30; train and drift: nothing "
        "later is used",
    )
    parser.add_argument(
        "--set",
        dest="settings",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        type=_read_setting,
        help="as in the DAG's form: ingest takes the params of a Python source, score version and as_of, train "
        "train_from, train_to, as_of, reason and run_id (of the drift run that asked), drift as_of; may be repeated",
    )


def run_run(arguments: argparse.Namespace) -> int:
    """Run every day that was asked for; exit code 1 where one of them was stopped or failed.

    Whatever happens, the last line of stdout is the summary, and what went wrong is on stderr as well.
    """
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    logging.getLogger("nightshift").setLevel(logging.DEBUG if os.environ.get(DEBUG_VARIABLE) else logging.INFO)
    request = {"pipeline": arguments.name, "run": arguments.kind}
    try:
        summaries = _run_days(arguments)
    except Exception as error:
        summaries = [{**request, "status": "failed", "reason": _explain(error)}]
    failed = [summary for summary in summaries if summary["status"] in ("stopped", "failed")]
    for summary in failed:
        print(f"nightshift: {summary['reason']}", file=sys.stderr)
    print(json.dumps(summaries[0] if len(summaries) == 1 else _summarise(request, summaries)))
    return 1 if failed else 0


def _run_days(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    from nightshift.local.resources import open_local_resources

    config = load_named_pipeline(arguments.name)
    settings = check_settings(config, arguments.kind, _gather_settings(arguments))
    check_days(arguments, settings)
    check_values(config, arguments.kind, settings)
    resources = open_local_resources(migrate=True)
    progress = make_progress()
    days = choose_days(arguments, config, settings, resources)
    return [_run_day(config, resources, arguments.kind, day, settings, progress) for day in days]


def _explain(error: Exception, where: str = "") -> str:
    """What our own errors say; of others the kind as well, and where they come from only in the debug log."""
    if isinstance(error, NightshiftError):
        return str(error)
    log.debug("unexpected", exc_info=True)
    return f"{where}{describe_error(error)}; {DEBUG_VARIABLE}=1 shows the traceback"


def _gather_settings(arguments: argparse.Namespace) -> dict[str, str]:
    """What --set and --as-of say."""
    settings = dict(arguments.settings)
    for key in settings:
        if sum(given == key for given, _ in arguments.settings) > 1:
            raise NightshiftError(f"--set {key}=… is given twice; give it once")
    if arguments.as_of is None:
        return settings
    if "as_of" in settings:
        raise NightshiftError("give --as-of or --set as_of=…, not both")
    return {**settings, "as_of": arguments.as_of}


def check_settings(config: PipelineConfig, kind: str, settings: dict[str, str]) -> dict[str, str]:
    """The settings; NightshiftError with the nearest name for one that this kind of run does not take."""
    known = list(SETTINGS[kind])
    if kind == "ingest":
        known += config.spec.source.run_params
    for key in settings:
        if key not in known:
            near = suggest_name(key, known)
            hint = f"did you mean {near!r}?" if near else f"it takes: {', '.join(known) or 'none'}"
            raise NightshiftError(f"run {config.name} {kind}: --set {key}=… is not known; {hint}")
    return settings


def check_values(config: PipelineConfig, kind: str, settings: dict[str, str]) -> None:
    """NightshiftError for a value that can't be meant, before anything is opened."""
    from nightshift.io.sources.params import merge_params
    from nightshift.steps.score.score import parse_as_of

    if kind == "ingest":
        merge_params(config.spec.source, settings)
    elif kind == "score":
        _read_version(settings)
        parse_as_of(config, settings.get("as_of"))
    else:
        days = {key: _parse_date(settings[key], f"--set {key}") for key in DATES if key in settings}
        if "train_from" in days and "train_to" in days and days["train_from"] > days["train_to"]:
            raise NightshiftError(f"--set train_from={days['train_from']} is after --set train_to={days['train_to']}")


def check_days(arguments: argparse.Namespace, settings: dict[str, str]) -> None:
    """NightshiftError where the days contradict each other."""
    if (arguments.first is None) != (arguments.last is None):
        raise NightshiftError("give both --from and --to, or --partition")
    if arguments.first is not None:
        if arguments.kind == "train":
            raise NightshiftError("train takes one day; its window is set by --set train_from=… --set train_to=…")
        if arguments.partition or arguments.first > arguments.last:
            raise NightshiftError("give --partition, or --from and a --to that is not before it")
        if (arguments.last - arguments.first).days >= MAX_RANGE_DAYS:
            raise NightshiftError(
                f"--from {arguments.first} --to {arguments.last}: at most {MAX_RANGE_DAYS} days at once"
            )
    if arguments.kind in ("train", "drift") and "as_of" in settings and (arguments.partition or arguments.first):
        raise NightshiftError("give --partition or as_of, not both: both name this run's day")


def choose_days(
    arguments: argparse.Namespace, config: PipelineConfig, settings: dict[str, str], resources: Any
) -> list[date]:
    """The days that are meant, oldest first; `check_days` has seen the arguments."""
    if arguments.first is not None:
        return list_days(arguments.first, arguments.last)
    if arguments.partition:
        return [arguments.partition]
    if arguments.kind in ("ingest", "score"):
        return [datetime.now(ZoneInfo(config.spec.schedules.timezone)).date() - timedelta(days=1)]
    return [_choose_as_of(config, settings, resources)]


def _choose_as_of(config: PipelineConfig, settings: dict[str, str], resources: Any) -> date:
    from nightshift.io.ledger.entries import find_last_partition

    # A training that is told where to end needs to know no more than that.
    for key in ("as_of", "train_to"):
        if key in settings:
            return _parse_date(settings[key], f"--set {key}")
    with resources.warehouse.begin() as connection:
        newest = find_last_partition(connection, config.name, "raw")
    if newest is None:
        raise NightshiftError(
            f"{config.name} has no partition yet; ingest some first: {COMMAND} run {config.name} ingest --from … --to …"
        )
    return newest


def _run_day(
    config: PipelineConfig,
    resources: Any,
    kind: str,
    day: date,
    settings: dict[str, str],
    progress: Callable[[str], None],
) -> dict[str, Any]:
    from nightshift.steps import runs

    def report(step: str, outcome: Any) -> None:
        rows = f"  {outcome.figures['rows']:,} rows" if "rows" in outcome.figures else ""
        progress(f"{config.name} {day}  {step}: {outcome.status}{rows}")

    summary: dict[str, Any] = {"pipeline": config.name, "run": kind, "partition": str(day)}
    try:
        if kind == "ingest":
            outcome = runs.run_ingest(config, resources, day, report, dict(settings) or None)
        elif kind == "score":
            outcome = _run_score(config, resources, day, settings, report)
        elif kind == "drift":
            outcome = runs.run_drift(config, resources, day, report, f"cli__{uuid4().hex}", datetime.now(UTC))
        else:
            outcome = _run_train(config, resources, day, settings, report)
    except Exception as error:
        return {**summary, "status": "failed", "reason": _explain(error, f"{config.name} {day}: ")}
    return {**summary, "status": outcome.status, "reason": outcome.reason, **outcome.figures}


def _run_score(
    config: PipelineConfig, resources: Any, day: date, settings: dict[str, str], report: Callable[[str, Any], None]
) -> Any:
    from nightshift.steps import runs
    from nightshift.steps.score.score import parse_as_of

    at = parse_as_of(config, settings.get("as_of"))
    return runs.run_score(config, resources, day, report, _read_version(settings), at)


def _run_train(
    config: PipelineConfig, resources: Any, day: date, settings: dict[str, str], report: Callable[[str, Any], None]
) -> Any:
    from nightshift.steps import runs

    first, last = (
        _parse_date(settings[key], f"--set {key}") if key in settings else None for key in ("train_from", "train_to")
    )
    request = runs.TrainingRequest(
        as_of=day,
        run_id=settings.get("run_id", f"cli__{uuid4().hex}"),
        requested_by=get_user(),
        train_from=first,
        train_to=last,
        reason=settings.get("reason", ""),
    )
    return runs.run_train(config, resources, request, report)


def _summarise(request: dict[str, Any], summaries: list[dict[str, Any]]) -> dict[str, Any]:
    states = [summary["status"] for summary in summaries]
    worst = next((state for state in ("failed", "stopped", "done") if state in states), "skipped")
    return {**request, "status": worst, "partitions": {summary["partition"]: summary for summary in summaries}}


def _read_version(settings: dict[str, str]) -> int | None:
    try:
        return read_version(settings["version"]) if "version" in settings else None
    except argparse.ArgumentTypeError as error:
        raise NightshiftError(f"--set version: {error}") from None


def _read_setting(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return key, value


def _parse_date(text: str, where: str) -> date:
    try:
        return parse_day(text)
    except ValueError as error:
        raise NightshiftError(f"{where}: {explain_day(text, error)}") from None
