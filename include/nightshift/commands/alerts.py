"""`alerts`: what somebody should look at."""

import argparse
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from nightshift.commands.base import Commands, add_command
from nightshift.commands.status import format_table
from nightshift.config.loading import load_named_pipeline, load_pipelines


def add_alerts(commands: Commands) -> None:
    """`alerts [NAME]`."""
    summary = "what needs attention: open alerts, with the reason and what to do"
    parser = add_command(commands, "alerts", run_alerts, summary, ["alerts", "alerts flights --all"])
    parser.add_argument("name", metavar="NAME", nargs="?", help="only this pipeline")
    parser.add_argument("--all", action="store_true", help="include recovered alerts")


def run_alerts(arguments: argparse.Namespace) -> int:
    """Print the table, then what each open alert asks for."""
    from nightshift.local.resources import open_local_resources
    from nightshift.steps.alerts import list_alerts

    configs = [load_named_pipeline(arguments.name)] if arguments.name is not None else load_pipelines().usable
    rows = list_alerts(open_local_resources(migrate=True), [config.name for config in configs], arguments.all)
    if not rows:
        print("There is no alert." if arguments.all else "There is no open alert.")
        return 0
    print(format_table([describe_alert(row) for row in rows]))
    for row in rows:
        print("\n" + "\n".join(explain_alert(row)))
    return 0


def describe_alert(row: Mapping[str, Any]) -> dict[str, str]:
    """One alert in a line; times are UTC."""
    return {
        "id": str(row["id"]),
        "pipeline": row["pipeline"],
        "alert": f"{row['kind'].replace('_', ' ')} ({row['subject']})",
        "state": "open" if row["recovered_at"] is None else "recovered",
        "since (UTC)": _format(row["opened_at"]),
        "until (UTC)": _format(row["recovered_at"]),
        "notified": row["problem"] or ("yes" if row["notified_at"] else "not yet"),
    }


def explain_alert(row: Mapping[str, Any]) -> Iterator[str]:
    """What happened, why, and what to do or how it ended."""
    yield f"{row['id']}  {row['what']}"
    last = ("to do", row["todo"]) if row["recovered_at"] is None else ("now", row["recovery"])
    for label, text in (("why", row["why"]), last, ("see", row["link"])):
        yield f"   {label:<7}{text}"


def _format(at: datetime | None) -> str:
    return "-" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M}"
