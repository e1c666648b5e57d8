"""`status`: every pipeline at a glance."""

import argparse
from collections.abc import Sequence
from typing import Any

from nightshift.commands.base import Commands, add_command
from nightshift.config.loading import load_named_pipeline, load_pipelines
from nightshift.errors import NightshiftError


def add_status(commands: Commands) -> None:
    """`status [NAME]`."""
    summary = "champion, last partition, last validation, last drift and open alerts of every pipeline"
    parser = add_command(commands, "status", run_status, summary, ["status", "status flights"])
    parser.add_argument("name", metavar="NAME", nargs="?", help="only this pipeline")


def run_status(arguments: argparse.Namespace) -> int:
    """Print the table; refused pipelines follow with their problems."""
    from nightshift.local.resources import open_local_resources
    from nightshift.steps.status import describe_schema_changes, read_status

    refused: Sequence[NightshiftError] = ()
    if arguments.name is not None:
        configs = [load_named_pipeline(arguments.name)]
    else:
        loaded = load_pipelines()
        configs, refused = list(loaded.usable), loaded.refused
    resources = open_local_resources(migrate=True)
    print(format_table([describe_row(row) for row in read_status(resources, configs)]))
    if arguments.name is not None and (changes := describe_schema_changes(resources, arguments.name)):
        print(f"\n{changes}")
    for problem in refused:
        print(f"\n{problem}")
    return 1 if refused else 0


def describe_row(row: dict[str, Any]) -> dict[str, str]:
    """One pipeline in words."""
    return {
        "pipeline": row["pipeline"] + (" (simulated)" if row["simulated"] else ""),
        "champion": _describe_champion(row),
        "last scored": f"{row['last_scored']}, {row['last_scored_rows']:,} rows" if row["last_scored"] else "-",
        "last validation": _describe_validation(row),
        "last drift": _describe_drift(row),
        "open alerts": str(row["open_alerts"] or "-"),
        "data": row["data"],
    }


def _describe_champion(row: dict[str, Any]) -> str:
    if row["champion_version"] is None:
        return "none yet"
    return f"version {row['champion_version']} since {row['champion_since']:%Y-%m-%d %H:%M}"


def _describe_validation(row: dict[str, Any]) -> str:
    if row["last_validated"] is None:
        return "-"
    verdict = "passed" if row["last_validation_success"] else "STOPPED"
    rows = f"{row['last_quarantined']:,} of {row['last_validation_rows']:,} rows quarantined"
    return f"{row['last_validated']} {verdict}, {rows}"


def _describe_drift(row: dict[str, Any]) -> str:
    if row["last_drift_to"] is None:
        return "-"
    if row["last_drifted"] is None:
        return f"{row['last_drift_to']} unknown"
    verdict = "drifted" if row["last_drifted"] else "no drift"
    return f"{row['last_drift_to']} {verdict} ({row['last_drift_share']:.0%} of the importance)"


def format_table(rows: Sequence[dict[str, str]]) -> str:
    """Columns as wide as their widest cell."""
    if not rows:
        return "There is no pipeline yet."
    lines = [list(rows[0]), *(list(row.values()) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    padded = ([cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines)
    return "\n".join("  ".join(line).rstrip() for line in padded)
