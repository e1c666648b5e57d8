"""`models`, `promote` and `rollback`: the versions of a pipeline, and which of them is champion."""

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from nightshift.commands.base import (
    Commands,
    add_command,
    get_user,
    make_progress,
    read_date,
    read_number,
    read_reason,
)
from nightshift.commands.status import format_table
from nightshift.config.loading import load_named_pipeline
from nightshift.config.names import MAX_VERSIONS
from nightshift.config.project import COMMAND
from nightshift.errors import NightshiftError

# So much of the gate's reason fits into a table; --json has all of it.
REASON_WIDTH = 60


def add_models(commands: Commands) -> None:
    """`models NAME`."""
    summary = "every model version of a pipeline: window, figures, the gate's decision and which one is the champion"
    parser = add_command(commands, "models", run_models, summary, ["models flights", "models flights --json"])
    parser.add_argument("name", metavar="NAME", help="the pipeline")
    parser.add_argument("--json", action="store_true", help="one JSON array, with every reason in full")


def run_models(arguments: argparse.Namespace) -> int:
    """Print the table, newest version first."""
    from nightshift.local.resources import open_local_resources
    from nightshift.steps.registry.models import list_models

    config = load_named_pipeline(arguments.name)
    models = list_models(config, open_local_resources(migrate=True))
    if arguments.json:
        print(json.dumps(models))
    elif models:
        print(format_table([describe_model(model) for model in models]))
    else:
        print(f"{config.name} has no model version yet; train one: {COMMAND} run {config.name} train")
    return 0


def describe_model(model: dict[str, Any]) -> dict[str, str]:
    """One version in words; times are UTC."""
    value, metric = model["value"], model["metric"]
    return {
        "version": str(model["version"]),
        "trained": format_time(model["trained_at"]),
        "fitted on": f"{model['train_from']} to {model['train_to']}",
        "estimator": model["estimator"],
        "held-out": f"{metric} " + ("-" if value is None else f"{value:.4f}"),
        "status": model["status"],
        "since (UTC)": format_time(model["since"]),
        "gate": _shorten(": ".join(filter(None, (model["decision"], model["decision_reason"]))) or "never asked"),
    }


def format_time(text: str) -> str:
    """An ISO time, to the minute, in UTC."""
    return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M}"


def _shorten(text: str) -> str:
    return text if len(text) <= REASON_WIDTH else text[: REASON_WIDTH - 1].rstrip() + "…"


def add_promote(commands: Commands) -> None:
    """`promote NAME VERSION`."""
    summary = "promote a model version by hand, whatever the gate decided; it must be able to score"
    example = 'promote flights 3 --reason "approved by the fraud team after looking at the slices"'
    parser = add_command(commands, "promote", run_promote, summary, [example])
    parser.add_argument("name", metavar="NAME", help="the pipeline")
    parser.add_argument("version", metavar="VERSION", type=read_version, help="the number of a version")
    parser.add_argument("--reason", required=True, type=read_reason, help="why; kept with the promotion")


def run_promote(arguments: argparse.Namespace) -> int:
    """Promote; exit code 1 where someone else was faster."""
    from nightshift.local.resources import open_local_resources
    from nightshift.steps.registry.promotions import promote_by_hand

    config = load_named_pipeline(arguments.name)
    outcome = promote_by_hand(
        config, open_local_resources(migrate=True), arguments.version, get_user(), arguments.reason
    )
    return _tell_change(config.name, outcome)


def add_rollback(commands: Commands) -> None:
    """`rollback NAME`."""
    summary = "roll back to an earlier champion, and score days again with it"
    examples = (
        'rollback flights --reason "late shares look wrong since Monday"',
        'rollback flights --to 2 --reason "as above" --rescore-from 2017-06-01 --rescore-to 2017-06-14',
    )
    parser = add_command(commands, "rollback", run_rollback, summary, examples)
    parser.add_argument("name", metavar="NAME", help="the pipeline")
    parser.add_argument(
        "--to",
        metavar="VERSION",
        type=read_version,
        help="a version that was the champion (default: the one before; each further rollback goes one further back)",
    )
    text = "why; kept with the promotion and with the days scored again"
    parser.add_argument("--reason", required=True, type=read_reason, help=text)
    parser.add_argument(
        "--rescore-from", metavar="DAY", type=read_date, help="the first day to score again, as 2026-11-20"
    )
    parser.add_argument("--rescore-to", metavar="DAY", type=read_date, help="the last one")


def run_rollback(arguments: argparse.Namespace) -> int:
    """Roll back, then score again; exit code 1 where one of the two was stopped."""
    from nightshift.local.resources import open_local_resources
    from nightshift.steps.registry.rollback import list_window, roll_back

    config = load_named_pipeline(arguments.name)
    first, last = arguments.rescore_from, arguments.rescore_to
    if (first is None) != (last is None):
        raise NightshiftError("give both --rescore-from and --rescore-to, or neither; nothing was changed")
    if first:
        list_window(first, last)
    resources = open_local_resources(migrate=True)
    outcome = roll_back(config, resources, arguments.to, get_user(), arguments.reason)
    code = _tell_change(config.name, outcome)
    if code or not first:
        return code
    return _rescore(config, resources, outcome.figures["version"], (first, last), arguments.reason.strip())


def _rescore(config: Any, resources: Any, version: int, window: Sequence[Any], reason: str) -> int:
    from nightshift.steps.registry.rollback import rescore_partitions

    progress = make_progress()

    def report(step: str, outcome: Any) -> None:
        rows = f"  {outcome.figures['rows']:,} rows" if "rows" in outcome.figures else ""
        progress(f"{config.name}  {step}: {outcome.status}{rows}")

    outcome = rescore_partitions(config, resources, version, window[0], window[1], reason, report)
    partitions, empty = outcome.figures["partitions"], outcome.figures["without_features"]
    print(
        f"{len(partitions)} partitions with {outcome.figures['rows']:,} rows are scored again with version {version}."
    )
    if empty:
        print(f"Without features, so not scored: {', '.join(empty)}")
    if outcome.status != "done":
        print(f"nightshift: {outcome.reason}", file=sys.stderr)
    return 0 if outcome.status == "done" else 1


def _tell_change(name: str, outcome: Any) -> int:
    """Say what changed; the exit code."""
    if outcome.status != "done":
        print(f"nightshift: {outcome.reason}", file=sys.stderr)
        return 1
    version, previous = outcome.figures["version"], outcome.figures["previous_version"]
    if not outcome.figures["changed"]:
        print(f"{outcome.reason}.")
    else:
        replaced = f"instead of version {previous}" if previous else "the first one"
        print(f"{name}: version {version} is the champion now, {replaced}.")
    return 0


def read_version(text: str) -> int:
    """An argparse type: the number of a version."""
    try:
        return read_number(1, MAX_VERSIONS)(text)
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(f"{text[:100]!r} is not the number of a model version") from None
