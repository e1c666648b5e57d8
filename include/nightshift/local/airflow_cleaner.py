"""The login that maintenance cleans Airflow's database with: it removes old runs, and can't read connections."""

import contextlib

from nightshift.io.vendors.airflow_db import TABLES
from nightshift.local.postgres import Server

CLEANER = "nightshift_cleaner"
DATABASE = "airflow"


def allow_cleaning(server: Server) -> None:
    """Make the login and say what it may do; to be called when Airflow's schema is there.

    `airflow db clean` copies what it deletes into a table that it drops again, so it has to make tables.
    """
    with contextlib.closing(server.connect(DATABASE)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("select from pg_roles where rolname = %s", (CLEANER,))
        if cursor.fetchone() is None:
            cursor.execute(f"create role {CLEANER} login")
        cursor.execute(f"grant connect on database {DATABASE} to {CLEANER}")
        cursor.execute(f"grant usage, create on schema public to {CLEANER}")
        cursor.execute(f"grant select, delete on {TABLES} to {CLEANER}")
