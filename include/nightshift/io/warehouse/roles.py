"""The warehouse's roles and what each may do; see include/nightshift/sql/roles.sql and grants.sql."""

import hashlib
from pathlib import Path

from psycopg2 import sql
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from nightshift.config.project import COMMAND, ENGINE

FOLDER = ENGINE / "sql"
ROLES, GRANTS = FOLDER / "roles.sql", FOLDER / "grants.sql"
WRITER = "nightshift_writer"
INSUFFICIENT_PRIVILEGE = "42501"
# PostgreSQL tells since 16 a member that may become the role from one that may only give it to others.
MAY_BECOME = """
    select exists (
        select from pg_roles where rolname = %s and pg_has_role(
            oid, case when current_setting('server_version_num')::integer >= 160000 then 'SET' else 'MEMBER' end
        )
    )
"""


def grant_roles(connection: Connection) -> str:
    """Make the roles and say what they may do, where that changed; what a superuser has to do, or nothing.

    Whoever may not migrate leaves everything as it is.
    """
    if not _owns_schema(connection) or _read_mark(connection) == _make_mark(connection):
        return ""
    for script in (ROLES, GRANTS):
        if problem := _run(connection, script):
            return problem
    connection.exec_driver_sql(f"comment on table nightshift_version is '{_make_mark(connection)}'")
    return ""


def become_writer(connection: Connection) -> bool:
    """Let the writer own what is made next, whoever is logged in; False where this login can't. See `become_self`."""
    cursor = connection.connection.cursor()
    cursor.execute(MAY_BECOME, (WRITER,))
    (possible,) = cursor.fetchone() or (False,)
    if possible:
        cursor.execute(sql.SQL("set local role {}").format(sql.Identifier(WRITER)))
    return bool(possible)


def become_self(connection: Connection) -> None:
    """Undo `become_writer`; the end of the transaction does so, too."""
    connection.connection.cursor().execute("reset role")


def _owns_schema(connection: Connection) -> bool:
    query = "select pg_has_role(nspowner, 'USAGE') from pg_namespace where nspname = 'ml'"
    return bool(connection.execute(text(query)).scalar())


def _make_mark(connection: Connection) -> str:
    """What the grants depend on: the scripts, the schema's version, and the roles and database of this very server."""
    query = """
        select (select version_num from nightshift_version)
            || ' ' || (select oid from pg_database where datname = current_database())
            || ' ' || coalesce(string_agg(oid::text, ' ' order by oid), '')
        from pg_roles where rolname ~ '^nightshift_'
    """
    found = str(connection.execute(text(query)).scalar())
    return hashlib.sha256(ROLES.read_bytes() + GRANTS.read_bytes() + found.encode()).hexdigest()


def _read_mark(connection: Connection) -> str | None:
    found: str | None = connection.execute(text("select obj_description('nightshift_version'::regclass)")).scalar()
    return found


def _run(connection: Connection, script: Path) -> str:
    try:
        with connection.begin_nested():
            connection.exec_driver_sql(script.read_text().replace("%", "%%"))
    except DBAPIError as error:
        if getattr(error.orig, "pgcode", None) != INSUFFICIENT_PRIVILEGE:
            raise
        return (
            f"The warehouse has no roles of its own yet, since this login may not make them ({error.orig}). "
            f"A superuser of the server can: psql --file {script} DATABASE; the file "
            f"says the rest. Then run: {COMMAND} migrate. Until then everything works as before, with the rights "
            "of this one login."
        )
    return ""
