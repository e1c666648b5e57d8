"""`quarantine`: look at the rows that failed a check, take them along as CSV, and replay them after a fix."""

import argparse
import csv
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TextIO
from uuid import uuid4

from nightshift.commands.base import Commands, add_command, get_user, make_progress, read_date
from nightshift.commands.replay import require_writable
from nightshift.config.loading import load_named_pipeline
from nightshift.errors import NightshiftError

EXAMPLES = (
    "quarantine flights",
    "quarantine flights --from 2017-06-01 --to 2017-06-14 --csv bad_rows.csv",
    'quarantine flights --partition 2017-06-02 --replay --why "the limit on distance was too low"',
)


def add_quarantine(commands: Commands) -> None:
    """`quarantine NAME`."""
    summary = "the rows in quarantine by reason, with examples; --replay validates them again after a fix"
    parser = add_command(commands, "quarantine", run_quarantine, summary, EXAMPLES)
    parser.add_argument("name", metavar="NAME", help="the pipeline")
    parser.add_argument("--partition", metavar="DAY", type=read_date, help="only this day, as 2026-11-20")
    parser.add_argument("--from", dest="first", metavar="DAY", type=read_date, help="the first day (default: no limit)")
    parser.add_argument("--to", dest="last", metavar="DAY", type=read_date, help="the last one")
    parser.add_argument("--csv", metavar="FILE", type=Path, help="write every row with its reason; - is stdout")
    parser.add_argument(
        "--replay",
        action="store_true",
        help="move rows of other days to their own, validate every changed day again, and score it again",
    )
    parser.add_argument("--why", help="why they are replayed; kept with the replay")


def run_quarantine(arguments: argparse.Namespace) -> int:
    """Look, export or replay; exit code 1 where a replayed day is still not through."""
    from nightshift.local.resources import open_local_resources

    first, last = _read_limits(arguments)
    if arguments.replay and (arguments.csv or not (arguments.why or "").strip()):
        raise NightshiftError('give --replay with --why "…", and without --csv; nothing was changed')
    if arguments.why and not arguments.replay:
        raise NightshiftError("--why belongs to --replay; nothing was changed")
    config = load_named_pipeline(arguments.name)
    if arguments.csv and str(arguments.csv) != "-":
        require_writable(arguments.csv)
    resources = open_local_resources(migrate=True)
    if arguments.replay:
        return _replay(config, resources, arguments.why, first, last)
    if arguments.csv:
        return _export(config, resources, arguments.csv, first, last)
    from nightshift.steps.quarantine.look import describe_quarantine, look_at_quarantine

    print(describe_quarantine(look_at_quarantine(config, resources, first, last)))
    return 0


def _read_limits(arguments: argparse.Namespace) -> tuple[Any, Any]:
    first, last = arguments.first, arguments.last
    if arguments.partition and (first or last):
        raise NightshiftError("give --partition, or --from and --to")
    if first and last and first > last:
        raise NightshiftError(f"--from {first} is after --to {last}")
    return arguments.partition or first, arguments.partition or last


def _export(config: Any, resources: Any, path: Path, first: Any, last: Any) -> int:
    from nightshift.steps.quarantine.look import stream_quarantine

    read = partial(stream_quarantine, config, resources, first, last)
    if str(path) == "-":
        write_csv(sys.stdout, read)
        return 0
    try:
        with path.open("w", newline="", encoding="utf-8") as file:
            count = write_csv(file, read)
    except OSError as error:
        raise NightshiftError(f"{path} can't be written: {error.strerror}") from None
    print(f"{count:,} rows are in {path}.")
    return 0


def write_csv(file: TextIO, read: Callable[[], Iterator[Mapping[str, Any]]]) -> int:
    """Write rows whose columns may differ from day to day, so they are read twice; how many rows."""
    from nightshift.core.text.spreadsheets import escape_formula

    names = list(dict.fromkeys(name for row in read() for name in row))
    writer = csv.writer(file)
    writer.writerow([escape_formula(name) for name in names])
    count = 0
    for row in read():
        count += 1
        writer.writerow([escape_formula("" if row.get(name) is None else str(row[name])) for name in names])
    return count


def _replay(config: Any, resources: Any, why: str, first: Any, last: Any) -> int:
    from nightshift.steps.quarantine.replay import ReplayRequest, replay_quarantine
    from nightshift.steps.runs import run_score

    progress = make_progress()

    def report(step: str, outcome: Any) -> None:
        progress(f"{config.name}  {step}: {outcome.status}  {outcome.reason}".rstrip())

    def rescore(day: Any) -> Any:
        return run_score(config, resources, day, lambda step, outcome: report(f"{step} {day}", outcome))

    request = ReplayRequest(f"cli__{uuid4().hex}", get_user(), why, first, last)
    outcome = replay_quarantine(config, resources, request, report, rescore)
    if outcome.status == "skipped":
        print(f"{outcome.reason}.")
        return 0
    return _tell(config.name, outcome.figures)


def _tell(name: str, figures: Mapping[str, Any]) -> int:
    print(f"{name}: {figures['accepted']:,} of {figures['rows']:,} rows out of quarantine are valid now.")
    for day, rows in figures["moved"].items():
        print(f"{rows:,} rows went to their own day, {day}.")
    for reason in figures["waiting"].values():
        print(f"{reason}.")
    bad = {**figures["failed"], **figures["stopped"]}
    for reason in bad.values():
        print(f"nightshift: {reason}", file=sys.stderr)
    return 1 if bad else 0
