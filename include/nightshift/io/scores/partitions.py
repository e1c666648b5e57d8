"""scores_parts: the native range partitions behind scores.NAME, one a month, or one a day where the days are large."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from psycopg2 import sql

from nightshift.config.pipeline import PipelineConfig

# Nights of so many rows get parts of their own, whose index is built once the rows are there: that takes half as long
# as adding each of them to the index of a month.
LARGE_ROWS = 250_000
_PARTS = "pg_class c where c.relnamespace = 'scores_parts'::regnamespace and c.relkind = 'r'"


@dataclass(frozen=True)
class Part:
    """The table in scores_parts that holds all days from `first` to the day before `following`."""

    name: str
    first: date
    following: date

    @property
    def table(self) -> sql.Identifier:
        """Its name for statements."""
        return sql.Identifier("scores_parts", self.name)

    @property
    def is_shared(self) -> bool:
        """Whether several days have it together."""
        return self.following - self.first > timedelta(days=1)


def find_part(cursor: Any, pipeline: str, partition: date) -> Part | None:
    """The part that the partition's rows belong to; None where there is none yet."""
    parts = {part.name: part for part in (make_month(pipeline, partition), make_day(pipeline, partition))}
    # Not by to_regclass: a session may go on believing for a while that there is no such table.
    cursor.execute(f"select relname from {_PARTS} and relname in %s", (tuple(parts),))
    found = cursor.fetchone()
    return parts[found[0]] if found else None


def choose_part(cursor: Any, pipeline: str, partition: date, rows: int) -> Part:
    """The part to make for a partition of so many rows that has none.

    Its month where all nights are known to be small; its day where this one is large or another one was, where no other
    month was ever scored, and where other days of the month have their parts.
    """
    month, day = make_month(pipeline, partition), make_day(pipeline, partition)
    cursor.execute(f"select from {_PARTS} and relname ~ %s limit 1", (f"^{month.name}_[0-9][0-9]$",))
    if cursor.rowcount or rows >= LARGE_ROWS:
        return day
    largest = find_largest(cursor, pipeline, month)
    return month if largest is not None and largest < LARGE_ROWS else day


def find_largest(cursor: Any, pipeline: str, month: Part) -> int | None:
    """The rows of the largest night that is scored outside of the month; None where there is none."""
    cursor.execute(
        "select max(rows) from ml.ledger where pipeline = %s and kind = 'scores'"
        " and not (partition_date >= %s and partition_date < %s)",
        (pipeline, month.first, month.following),
    )
    found: int | None = cursor.fetchone()[0]
    return found


def attach_part(cursor: Any, config: PipelineConfig, part: Part, values: Mapping[str, Any]) -> None:
    """Make the part and attach it to scores.NAME; readers go on meanwhile.

    A day's part has the values, by column, as defaults: those need not be sent with each of its rows.
    """
    table = sql.Identifier("scores", config.name)
    cursor.execute(
        sql.SQL("create table {} (like {} including defaults including constraints)").format(part.table, table)
    )
    if not part.is_shared:
        # Only now: once a reader may see the table, this would wait for all of them.
        setting = sql.SQL("alter column {} set default {}")
        settings = [setting.format(sql.Identifier(name), sql.Literal(value)) for name, value in values.items()]
        cursor.execute(sql.SQL("alter table {} {}").format(part.table, sql.SQL(", ").join(settings)))
    # Unlike "create table ... partition of", this waits for no reader of the table, and none waits for it.
    cursor.execute(
        sql.SQL("alter table {} attach partition {} for values from ({}) to ({})").format(
            table, part.table, sql.Literal(part.first), sql.Literal(part.following)
        )
    )
    # Several nights may be written into a month at once, and one of them can't build an index while another one writes.
    if part.is_shared:
        index_part(cursor, config, part)


def find_defaults(cursor: Any, part: Part, names: Collection[str]) -> dict[str, Any]:
    """The values of the defaults that some of these columns of the part have, by column."""
    cursor.execute(
        "select attname, pg_get_expr(adbin, adrelid) from pg_attrdef"
        " join pg_attribute a on attrelid = adrelid and attnum = adnum"
        f" where adrelid = (select oid from {_PARTS} and relname = %s) and attname in %s",
        (part.name, tuple(names)),
    )
    found = dict(cursor.fetchall())
    if not found:
        return {}
    cursor.execute(sql.SQL("select {}").format(sql.SQL(", ").join(map(sql.SQL, found.values()))))
    return dict(zip(found, cursor.fetchone(), strict=True))


def index_part(cursor: Any, config: PipelineConfig, part: Part) -> None:
    """See to the part's unique index on day and keys; readers go on meanwhile."""
    unique = "exists (select from pg_index i where i.indrelid = c.oid and i.indisunique)"
    cursor.execute(f"select from {_PARTS} and relname = %s and {unique}", (part.name,))
    if not cursor.rowcount:
        columns = sql.SQL(", ").join(sql.Identifier(name) for name in ("partition_date", *config.spec.keys))
        cursor.execute(sql.SQL("create unique index on {} ({})").format(part.table, columns))


def make_month(pipeline: str, partition: date) -> Part:
    """The part of the partition's month."""
    first = partition.replace(day=1)
    following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return Part(f"{pipeline}_{partition:%Y_%m}", first, following)


def make_day(pipeline: str, partition: date) -> Part:
    """The part of the partition alone."""
    return Part(f"{pipeline}_{partition:%Y_%m_%d}", partition, partition + timedelta(days=1))
