"""`sql`: ask the warehouse."""

import argparse
import sys

import psycopg2

from nightshift.commands.base import Commands, add_command
from nightshift.config.airflow.connections import ANALYST, READER
from nightshift.errors import NightshiftError

# A cursor opens for one whole query only: text that would close the parenthesis of COPY and go on is refused here.
PARSE_ALONE = """
    do $$ declare parsed refcursor;
    begin open parsed for execute current_setting('nightshift.query'); close parsed; end $$
"""
ROLES = {"reader": READER, "analyst": ANALYST}


def add_sql(commands: Commands) -> None:
    """`sql QUERY`."""
    examples = (
        'sql "select * from scores.churn_latest order by score desc limit 10"',
        'sql "select pipeline, version, promoted_at, reason from ml.promotions order by promoted_at"',
    )
    parser = add_command(commands, "sql", run_sql, "ask the warehouse; CSV with a header on stdout", examples)
    parser.add_argument("query", metavar="QUERY", help="one query; it can read everything and change nothing")
    parser.add_argument(
        "--as", dest="role", choices=ROLES, default="reader", help="the analyst reads no ml (%(default)s)"
    )
    without = "leave text as it is that a spreadsheet would run as a formula; otherwise a ' is put before it"
    parser.add_argument("--raw", action="store_true", help=without)


def run_sql(arguments: argparse.Namespace) -> int:
    """Stream the answer as the server writes it."""
    from nightshift.core.text.spreadsheets import FormulaEscaper
    from nightshift.local.resources import migrate_local_warehouse, open_warehouse_as

    migrate_local_warehouse()
    query = arguments.query.strip().rstrip(";")
    # The line break keeps a comment at the query's end from swallowing the parenthesis.
    copy = f"copy ({query}\n) to stdout with (format csv, header true)"
    output = sys.stdout if arguments.raw else FormulaEscaper(sys.stdout)
    with open_warehouse_as(ROLES[arguments.role]).begin() as connection:
        cursor = connection.connection.cursor()
        cursor.execute("set transaction read only")
        try:
            cursor.execute("select set_config('nightshift.query', %s, true)", (query,))
            cursor.execute(PARSE_ALONE)
            cursor.copy_expert(copy, output)
        except (psycopg2.ProgrammingError, psycopg2.DataError, psycopg2.InternalError) as error:
            raise NightshiftError(f"the query was refused: {str(error).strip()}") from None
    return 0
