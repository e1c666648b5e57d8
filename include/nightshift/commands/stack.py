"""`up`, `stop` and `migrate`: the local stack."""

import argparse
import sys

from nightshift.commands.base import Commands, add_command, make_progress, read_number
from nightshift.config.project import COMMAND


def add_up(commands: Commands) -> None:
    """`up`: the whole stack."""
    summary = "start PostgreSQL and Airflow, and keep them running"
    parser = add_command(commands, "up", run_up, summary, ["up", "up --port 9090"])
    parser.add_argument(
        "--port", type=read_number(1, 65535), help="of the UI (default: 8080, or the next one that is free)"
    )


def run_up(arguments: argparse.Namespace) -> int:
    """Start the stack and say where it is."""
    from nightshift.local.resources import migrate_local_warehouse
    from nightshift.local.stack import start_stack

    progress = make_progress()
    progress("preparing the warehouse")
    if problem := migrate_local_warehouse():
        progress(problem)
    stack = start_stack(progress, port=arguments.port)
    print("Nightshift was up already." if stack.already_running else "Nightshift is up.")
    print(f"  UI     {stack.url}")
    print(f"  login  {stack.username} / {stack.password}")
    print(f"  logs   {stack.logs}")
    print(f"  stop   {COMMAND} stop")
    return 0


def add_stop(commands: Commands) -> None:
    """`stop`: only what `up` started."""
    summary = "stop what `up` or `demo` started; data and history stay"
    add_command(commands, "stop", run_stop, summary, ["stop"])


def run_stop(arguments: argparse.Namespace) -> int:
    """Stop the stack."""
    from nightshift.local.stack import stop_stack

    print("Stopped." if stop_stack(make_progress()) else "Nothing was running.")
    return 0


def add_migrate(commands: Commands) -> None:
    """`migrate`: the warehouse's schema."""
    summary = "bring the warehouse's schema up to date (`up`, `demo` and `run` do it by themselves)"
    add_command(commands, "migrate", run_migrate, summary, ["migrate"])


def run_migrate(arguments: argparse.Namespace) -> int:
    """Apply what is missing."""
    from nightshift.local.resources import migrate_local_warehouse

    problem = migrate_local_warehouse()
    print("The warehouse's schema is up to date.")
    if problem:
        print(problem, file=sys.stderr)
    return 0
