"""What all sub-commands share."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from datetime import date
from getpass import getuser
from typing import TypeAlias

from include.config.days import parse_day

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
        epilog="examples:\n" + "\n".join(f"  bin/nightshift {line}" for line in examples) if examples else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    return parser


def name_user() -> str:
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
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text}: is not a date as 2026-11-20") from None
