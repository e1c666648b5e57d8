"""One writer of a partition at a time, and none that keeps the others waiting while it stands still."""

import logging
import time
from datetime import date
from typing import Any

from sqlalchemy import Connection, text

log = logging.getLogger(__name__)

# So long a writer that holds the lock may leave the server waiting for its next word.
STALLED_SECONDS = 60.0
LOOK_SECONDS = 0.05
_TRY = text("select pg_try_advisory_xact_lock(hashtextextended(:name, 0))")
# Who holds the lock and has yet to say something, and how far its COPY got. Only own sessions are seen so closely.
_SILENT = text("""
    select a.pid, a.query_start, p.bytes_processed
    from pg_locks l join pg_stat_activity a using (pid) left join pg_stat_progress_copy p using (pid)
    where l.locktype = 'advisory' and l.granted and l.objsubid = 1 and a.datname = current_database()
        and (l.classid::bigint << 32) | l.objid::bigint = hashtextextended(:name, 0) and a.wait_event = 'ClientRead'
""")


def lock_partition(connection: Connection, pipeline: str, partition: date) -> None:
    """Wait until no other transaction writes this partition; released at the end of the transaction.

    A holder that has said nothing for a minute is paused or cut off: the server ends its transaction, which it would
    otherwise keep open for as long as the machine lives. Whatever it wrote was never visible.
    """
    name = f"{pipeline}/{partition}"
    silent: set[Any] = set()
    looked = float("-inf")
    while not connection.execute(_TRY, {"name": name}).scalar():
        if time.monotonic() - looked > STALLED_SECONDS:
            found = _find_silent(connection, name)
            for pid in [row.pid for row in silent & found]:
                log.warning("%s: the process behind database session %s is stuck; its session is ended", name, pid)
                connection.execute(text("select pg_terminate_backend(:pid)"), {"pid": pid})
            silent, looked = found, time.monotonic()
        time.sleep(LOOK_SECONDS)


def _find_silent(connection: Connection, name: str) -> set[Any]:
    # Within a transaction the server would show the same picture again.
    connection.execute(text("select pg_stat_clear_snapshot()"))
    return set(connection.execute(_SILENT, {"name": name}))
