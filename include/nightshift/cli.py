"""The `nightshift` command; its sub-commands are in `include/nightshift/commands/`."""

import argparse
import logging
import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from nightshift.commands.alerts import add_alerts
from nightshift.commands.base import DEBUG_VARIABLE, Commands, Run
from nightshift.commands.check import add_check
from nightshift.commands.demo import add_demo
from nightshift.commands.explain import add_explain
from nightshift.commands.init import add_init
from nightshift.commands.maintain import add_maintain
from nightshift.commands.models import add_models, add_promote, add_rollback
from nightshift.commands.quarantine import add_quarantine
from nightshift.commands.replay import add_replay
from nightshift.commands.run import add_run
from nightshift.commands.schema import add_schema
from nightshift.commands.sql import add_sql
from nightshift.commands.stack import add_migrate, add_stop, add_up
from nightshift.commands.status import add_status
from nightshift.config.environment import TELEMETRY_OFF, THREADS
from nightshift.config.project import COMMAND
from nightshift.config.yaml.document import show_text
from nightshift.errors import NightshiftError, describe_error

log = logging.getLogger(__name__)

EPILOG = f"""examples:
  {COMMAND} init my-project                            a project of your own, with an example pipeline
  {COMMAND} demo                                       the whole loop on simulated data, then a short summary
  {COMMAND} up                                         PostgreSQL and Airflow start; address and login are printed
  {COMMAND} run flights ingest --partition 2017-06-01  one day in this process, without a scheduler
  {COMMAND} status                                     every pipeline at a glance
  {COMMAND} alerts                                     what needs attention, and what to do
  {COMMAND} models flights                             its model versions, and which one is the champion
  {COMMAND} stop                                       both stop; data and history stay in .nightshift/

Everything works without `up` that does not need a scheduler; PostgreSQL starts by itself when it is needed.
"""
ADDERS: tuple[Callable[[Commands], None], ...] = (
    add_init,
    add_demo,
    add_up,
    add_stop,
    add_status,
    add_alerts,
    add_run,
    add_replay,
    add_models,
    add_explain,
    add_quarantine,
    add_promote,
    add_rollback,
    add_sql,
    add_maintain,
    add_check,
    add_schema,
    add_migrate,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code. What users can mend is one message, without a traceback."""
    os.environ.update(TELEMETRY_OFF)
    for name, value in THREADS.items():
        os.environ.setdefault(name, value)
    if os.environ.get(DEBUG_VARIABLE):
        logging.basicConfig(format="%(message)s")
        logging.getLogger("nightshift").setLevel(logging.DEBUG)
    parsed = make_parser().parse_args(arguments)
    run: Run = parsed.run
    try:
        return run(parsed)
    except NightshiftError as error:
        print(f"nightshift: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("nightshift: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read our output has seen enough. Python would complain when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception as error:
        log.debug("unexpected", exc_info=True)
        hint = f"a fault of Nightshift's or of this machine; {DEBUG_VARIABLE}=1 shows the traceback"
        print(f"nightshift: {describe_error(error)}; {hint}", file=sys.stderr)
        return 1


class Parser(argparse.ArgumentParser):
    """Shows arguments on one line, whatever they hold."""

    def error(self, message: str) -> NoReturn:
        """As argparse's, with line breaks and terminal codes escaped."""
        super().error(show_text(message))


def make_parser() -> argparse.ArgumentParser:
    """The parser with every sub-command."""
    parser = Parser(
        prog="nightshift",
        description="A nightly batch-ML pipeline on Apache Airflow.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands: Commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)  # type: ignore[assignment]
    for add in ADDERS:
        add(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
