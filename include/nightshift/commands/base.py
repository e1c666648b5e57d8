"""What all sub-commands share."""

import argparse
import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from datetime import date
from getpass import getuser
from typing import TypeAlias

from nightshift.config.days import FarDay, parse_day
from nightshift.config.project import COMMAND

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
Run = Callable[[argparse.Namespace], int]
# Where it is set, tracebacks of what nobody expected are shown.
DEBUG_VARIABLE = "NIGHTSHIFT_DEBUG"


def add_command(
    commands: Commands, name: str, run: Run, summary: str, examples: Sequence[str] = ()
) -> argparse.ArgumentParser:
    """Register a sub-command; the caller adds its arguments to the parser that comes back."""
    parser = commands.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog="examples:\n" + "\n".join(f"  {COMMAND} {line}" for line in examples) if examples else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    return parser


def get_user() -> str:
    """Who runs the command, for the records."""
    try:
        return os.environ.get("USER") or getuser()
    except (OSError, KeyError):
        # A container may run as a number that has no name.
        return "unknown"


def make_progress() -> Callable[[str], None]:
    """Prints lines with the seconds since now, on stderr: stdout is for results."""
    start = time.monotonic()
    return lambda line: print(f"{time.monotonic() - start:6.1f} s  {line}", file=sys.stderr, flush=True)


def read_date(text: str) -> date:
    """An argparse type: a day as 2026-11-20."""
    try:
        return parse_day(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(explain_day(text, error)) from None


def explain_day(text: str, error: ValueError) -> str:
    """Why `text` names no day, from what `parse_day` raised."""
    reason = str(error) if isinstance(error, FarDay) else f"{text[:100]!r} is not a date"
    return f"{reason}; write it as 2026-11-20"


def read_number(least: int, most: int) -> Callable[[str], int]:
    """An argparse type: a whole number within limits."""

    def read(text: str) -> int:
        if not re.fullmatch("[0-9]{1,20}", text) or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text[:100]!r} is not a whole number from {least} to {most}")
        return int(text)

    return read


def read_reason(text: str) -> str:
    """An argparse type: a text that says something."""
    if not text.strip():
        raise argparse.ArgumentTypeError("is empty; write why")
    return text
