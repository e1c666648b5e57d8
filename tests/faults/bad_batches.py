# ruff: noqa: E501 - a table
"""Batches as files that no sane source would send, each with what must become of it."""

import gzip
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tests.integration.kit import NIGHTS, ROWS, draw_rows

NIGHT = NIGHTS[6]
Fate = Literal["accepted", "quarantined", "stopped"]


@dataclass(frozen=True)
class Batch:
    """The night's file, and its fate; `message` is a part of the reason, `lost` the rows that are not scored."""

    name: str
    content: bytes
    fate: Fate
    message: str = ""
    lost: int = 0
    kind: str = "csv"
    spec: dict[str, Any] = field(default_factory=dict)


def draw() -> pd.DataFrame:
    """A good night, to be spoilt."""
    return draw_rows(NIGHT).astype(object)


def to_csv(rows: pd.DataFrame, **options: Any) -> bytes:
    return rows.to_csv(index=False, **options).encode()


GOOD = to_csv(draw())
LINES = GOOD.splitlines(keepends=True)
HEADER = LINES[0]


def put(column: str, value: Any, rows: tuple[int, ...] = (3,)) -> bytes:
    """A good file with another value in some cells."""
    frame = draw()
    for row in rows:
        frame.at[row, column] = value
    return to_csv(frame)


def to_jsonl(rows: pd.DataFrame) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows.to_dict("records")).encode()


def to_parquet(
    rows: pd.DataFrame, change: Callable[[pa.Table], pa.Table] = lambda table: table, **options: Any
) -> bytes:
    """The rows in their own types, then changed."""
    table = pa.Table.from_pandas(rows.infer_objects(), preserve_index=False)
    table = replace_column(table, "seen_at", pa.array(pd.to_datetime(rows["seen_at"])))
    sink = io.BytesIO()
    pq.write_table(change(table), sink, **options)
    return sink.getvalue()


def replace_column(table: pa.Table, name: str, values: Any) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, values)


def parquet_with(column: str, values: Any) -> bytes:
    return to_parquet(draw(), lambda table: replace_column(table, column, values))


def cast_parquet(column: str, kind: pa.DataType) -> bytes:
    return to_parquet(draw(), lambda table: replace_column(table, column, table[column].cast(kind)))


def insert_line(line: bytes, at: int = 5) -> bytes:
    return b"".join([*LINES[:at], line, *LINES[at:]])


def many_columns(count: int) -> bytes:
    return to_csv(pd.concat([draw(), pd.DataFrame(0, range(ROWS), [f"x{n}" for n in range(count)])], axis=1))


def bomb() -> bytes:
    """A hundred megabytes of blanks in one cell, as a hundred kilobytes."""
    return gzip.compress(HEADER + b"north," + b" " * (100 << 20) + b"\n", 1)


SHARE = "max_quarantined_share"
DATED = {"columns.ordered": "date"}

CSV_BATCHES = [
    # Files
    Batch("empty file", b"", "stopped", "is empty"),
    Batch("header only", HEADER, "stopped", "no rows"),
    Batch("blank lines only", b"\n\r\n\n", "stopped", "is empty"),
    Batch("one row", HEADER + LINES[1], "stopped", "too few: max_size_ratio"),
    Batch("a tenth of the usual size", b"".join(LINES[:12]), "stopped", "too few: max_size_ratio"),
    Batch("eleven times the usual size", to_csv(draw_rows(NIGHT, count=11 * ROWS)), "stopped", "too many: max_size_ratio"),
    Batch("every row twice", GOOD + b"".join(LINES[1:]), "accepted"),
    Batch("another order of rows", HEADER + b"".join(reversed(LINES[1:])), "accepted"),
    Batch("another order of columns", to_csv(draw()[sorted(draw())]), "accepted"),
    Batch("truncated in the middle of a line", GOOD[: len(GOOD) // 2].rpartition(b",")[0], "stopped", "fields, but"),
    Batch("byte order mark", b"\xef\xbb\xbf" + GOOD, "accepted"),
    Batch("UTF-16", GOOD.decode().encode("utf-16"), "stopped", "UTF-16"),
    Batch("UTF-16 without a mark", GOOD.decode().encode("utf-16-le"), "stopped", "NUL byte"),
    Batch("UTF-32", GOOD.decode().encode("utf-32"), "stopped", "UTF-16|NUL byte|not UTF-8"),
    Batch("Latin-1", put("shop", "Köln").decode().encode("latin-1"), "stopped", "line 5: is not UTF-8"),
    Batch("CRLF", GOOD.replace(b"\n", b"\r\n"), "accepted"),
    Batch("mixed line ends", GOOD.replace(b"\n", b"\r\n", 40), "accepted"),
    Batch("carriage returns alone", GOOD.replace(b"\n", b"\r"), "stopped", "line 1: is not valid CSV"),
    Batch("no last line end", GOOD.rstrip(b"\n"), "accepted"),
    Batch("NUL in a cell", insert_line(b"nor\0th,999,,,,,\n"), "stopped", "line 6: holds a NUL byte"),
    Batch("NUL at the end, as after a crash", GOOD + b"\0" * 512, "stopped", "NUL byte"),
    Batch("unbalanced quote", insert_line(b'"north,999,,,,,\n'), "stopped", "line 6: is not valid CSV"),
    Batch("quoted line break", put("shop", "no\nrth"), "accepted"),
    Batch("too few fields", insert_line(b"north,999\n"), "stopped", "line 6: has 2 fields"),
    Batch("trailing delimiter in one line", insert_line(LINES[1].rstrip() + b",\n"), "stopped", "line 6: has 8 fields"),
    Batch("trailing delimiter in every line", GOOD.replace(b"\n", b",\n"), "accepted"),
    Batch("another delimiter", GOOD.replace(b",", b";"), "stopped", "'shop' is missing"),
    Batch("tabs", GOOD.replace(b",", b"\t"), "stopped", "'shop' is missing"),
    Batch("header again in the middle", insert_line(HEADER, 60), "quarantined", "'visit' is not a valid integer", 1),
    Batch("no header", b"".join(LINES[1:]), "stopped", "is missing from the source|appears more than once"),
    Batch("a web page", b"<!DOCTYPE html><html><body>502", "stopped", "a web page"),
    Batch("JSON in a CSV", b'{"error": "not authorised"}', "stopped", "looks like JSON"),
    Batch("Parquet in a CSV", to_parquet(draw()), "stopped", "a Parquet file"),
    Batch("gzip in a CSV", gzip.compress(GOOD), "stopped", "gzip"),
    Batch("a very long cell", put("shop", "x" * 131_073), "quarantined", "the key has 131,073 bytes", 1),
    Batch("ten thousand columns more", many_columns(10_000), "accepted"),
    # Compressed
    Batch("gzip", gzip.compress(GOOD), "accepted", kind="csv.gz"),
    Batch("gzip of two parts", gzip.compress(GOOD[:999]) + gzip.compress(GOOD[999:]), "accepted", kind="csv.gz"),
    Batch("truncated gzip", gzip.compress(GOOD)[:-9], "stopped", "not a whole gzip", kind="csv.gz"),
    Batch("empty gzip", b"", "stopped", "is empty|not a whole gzip", kind="csv.gz"),
    Batch("gzip within gzip", gzip.compress(gzip.compress(GOOD)), "stopped", "gzip", kind="csv.gz"),
    Batch("plain text called gzip", GOOD, "stopped", "not a whole gzip", kind="csv.gz"),
    Batch("gzip bomb", bomb(), "stopped", "line 2", kind="csv.gz"),
    # Columns
    Batch("column missing", to_csv(draw().drop(columns="spent")), "stopped", "'spent' is missing"),
    Batch("key missing", to_csv(draw().drop(columns="visit")), "stopped", "'visit' is missing"),
    Batch("column twice", to_csv(draw()) .replace(b"late", b"spent", 1), "stopped", "'spent' appears more than once"),
    Batch("column in capitals", GOOD.replace(b"spent", b"SPENT", 1), "stopped", r"'SPENT': renamed\?"),
    Batch("column with a blank", GOOD.replace(b"spent", b" spent", 1), "stopped", r"' spent': renamed\?"),
    Batch("column with an invisible letter", GOOD.replace(b"spent", "sp\u200bent".encode(), 1), "stopped", r"u200bent"),
    Batch("column in another alphabet", GOOD.replace(b"spent", "sp\u0435nt".encode(), 1), "stopped", r"u0435nt"),
    Batch("column renamed beyond recognition", GOOD.replace(b"spent", b"umsatz", 1), "stopped", r"'umsatz': renamed\?"),
    Batch("column added", to_csv(draw().assign(loyalty=1)), "accepted"),
    Batch("column called like SQL", to_csv(draw().assign(**{"x; drop table scores.shops": 1})), "accepted"),
    Batch("feature lacks in every row", to_csv(draw().assign(spent=None)), "stopped", "spent: is empty in every row"),
    Batch("key lacks in every row", to_csv(draw().assign(visit="NaN")), "stopped", "none of the 120 rows"),
    Batch("key is the same in every row", to_csv(draw().assign(shop="a", visit=1)), "stopped", "more than once"),
    Batch("number column is words", to_csv(draw().assign(spent="many")), "stopped", "'spent' was number.*100.0%"),
    Batch("decimal commas in every row", GOOD.replace(b",", b";").replace(b".", b","), "stopped", "'spent' was number",
          spec={"source.delimiter": ";"}),
    # Cells
    Batch("decimal comma", put("spent", "12,50"), "quarantined", "spent: '12,50' is not a valid number", 1),
    Batch("thousands separator", put("spent", "1.234,5"), "quarantined", "'1.234,5' is not a valid number", 1),
    Batch("currency", put("spent", "€ 12"), "quarantined", "'€ 12' is not a valid number", 1),
    Batch("NaN in words", put("spent", "NaN"), "accepted"),
    Batch("null in words", put("spent", "null"), "accepted"),
    Batch("#N/A of a spreadsheet", put("spent", "#N/A"), "quarantined", "'#N/A' is not a valid number", 1),
    Batch("infinity", put("spent", "inf"), "quarantined", "'inf' is not a valid number", 1),
    Batch("1e400", put("spent", "1e400"), "quarantined", "'1e400' is not a valid number", 1),
    Batch("hexadecimal", put("spent", "0x1F"), "quarantined", "'0x1F' is not a valid number", 1),
    Batch("sentinel -1", put("spent", -1), "quarantined", "spent: values to be between", 1),
    Batch("2**70 as an integer", put("visit", 2**70), "quarantined", "visit: '1180591620717411303424'", 1),
    Batch("whole number with decimals", put("visit", "3.5"), "quarantined", "'3.5' is not a valid integer", 1),
    Batch("digits of another script", put("visit", "٣"), "quarantined", "is not a valid integer", 1),
    Batch("full-width digits", put("visit", "３"), "quarantined", "is not a valid integer", 1),
    Batch("key missing in a row", put("shop", ""), "quarantined", "shop: the key is missing", 1),
    Batch("key NaN in two rows", put("visit", "NaN", (3, 4)), "quarantined", "visit: the key is missing", 2),
    Batch("one key, two rows that differ", to_csv(draw().replace({"visit": {8: 7}}).assign(shop="north")), "quarantined",
          "shop, visit: the key appears more than once", 2),
    Batch("truth in another language", put("rained", "ja"), "quarantined", "'ja' is not a valid boolean", 1),
    Batch("date without a month", put("seen_at", "2026"), "quarantined", "'2026' is not a valid timestamp", 1),
    Batch("date 0000-00-00", put("seen_at", "0000-00-00"), "quarantined", "'0000-00-00' is not a valid", 1),
    Batch("30 February", put("seen_at", "2026-02-30"), "quarantined", "'2026-02-30' is not a valid", 1),
    Batch("year 10000", put("seen_at", "10000-01-01"), "quarantined", "'10000-01-01' is not a valid", 1),
    Batch("year 9999", put("seen_at", "9999-12-31"), "quarantined", "9999-12-31.* is outside partition", 1),
    Batch("event in the future", put("seen_at", "2031-01-07 10:00"), "quarantined", "is outside partition", 1),
    Batch("event in 1970", put("seen_at", "1970-01-01"), "quarantined", "is outside partition", 1),
    Batch("event of the day before", put("seen_at", "2026-01-06 23:59:59"), "quarantined", "is outside partition", 1),
    Batch("the word now", put("seen_at", "now"), "quarantined", "'now' is not a valid timestamp", 1),
    Batch("seconds since 1970", put("seen_at", "1767780000"), "quarantined", "'1767780000' is not a valid", 1),
    Batch("date as in America", put("seen_at", "01/07/2026"), "quarantined", "'01/07/2026' is not a valid", 1),
    Batch("two time zones", to_csv(draw().assign(seen_at=[f"{NIGHT}T10:00:00+0{n % 2 + 1}:00" for n in range(ROWS)])),
          "accepted"),
    Batch("another date in 1970", to_csv(draw().assign(ordered=["1970-01-01", *["2026-01-05"] * (ROWS - 1)])),
          "quarantined", "ordered: 1970-01-01.* is not a date", 1, spec=DATED),
    Batch("another date in 9999", to_csv(draw().assign(ordered=["9999-12-31", *["2026-01-05"] * (ROWS - 1)])),
          "quarantined", "ordered: 9999-12-31.* is not a date", 1, spec=DATED),
    Batch("formula in a category", put("shop", "=cmd|' /C calc'!A0"), "accepted"),
    Batch("HTML in a category", put("shop", "<script>alert(1)</script>"), "accepted"),
    Batch("SQL in a category", put("shop", "'); drop table scores.shops; --"), "accepted"),
    Batch("Jinja in a category", put("shop", "{{ var.value.secret }}"), "accepted"),
    Batch("right-to-left and emoji", put("shop", "\u202eshop 🚀\u0301"), "accepted"),
    Batch("a new category", put("shop", "west"), "accepted"),
    Batch("too many bad rows", put("spent", "x", tuple(range(30))), "stopped", SHARE),
    Batch("every row is bad", to_csv(draw().assign(spent=-1)), "stopped", "none of the 120 rows"),
    Batch("every event of another day", GOOD.replace(b"2026-01-07", b"2026-01-08"), "stopped", "none of the 120 rows"),
]  # fmt: skip

JSON = to_jsonl(draw())
JSON_BATCHES = [
    Batch("JSON Lines", JSON, "accepted"),
    Batch("empty JSON Lines", b"", "stopped", "is empty"),
    Batch("a JSON array", b"[" + JSON.replace(b"\n", b",").rstrip(b",") + b"]", "stopped", "line 1: is not a JSON object"),
    Batch("a cut line", JSON[:-20], "stopped", "line 120, column"),
    Batch("key twice in an object", b'{"shop": "a", "shop": "b"}\n' + JSON, "stopped", "line 1: .*'shop' appears more"),
    Batch("nested deeply", b'{"shop": ' + b"[" * 99_999 + b"\n" + JSON, "stopped", "line 1: is not usable JSON"),
    Batch("a number of 5000 digits", b'{"visit": ' + b"9" * 5000 + b"}\n" + JSON, "stopped", "line 1: is not usable"),
    Batch("lone surrogate", JSON.replace(b'"north"', b'"\\ud800"', 1), "stopped", "not valid Unicode"),
    Batch("NUL escaped", JSON.replace(b'"north"', b'"a\\u0000"', 1), "stopped", "column shop: holds a NUL"),
    Batch("NUL in a column's name", JSON.replace(b'"late"', b'"la\\u0000te"', 1), "stopped", "NUL"),
    Batch("lone surrogate in a name", JSON.replace(b'"late"', b'"\\ud800"', 1), "stopped", "Unicode"),
    Batch("NaN literal", JSON.replace(b'"rained"', b'"x": NaN, "rained"', 1), "accepted"),
    Batch("Infinity literal", to_jsonl(draw().assign(spent=[float("inf"), *[5.0] * (ROWS - 1)])), "quarantined",
          "spent: inf is not a valid number", 1),
    Batch("text for one number", to_jsonl(draw().assign(spent=["many", *[5.0] * (ROWS - 1)])), "quarantined",
          "'many' is not a valid number", 1),
    Batch("an object for one number", to_jsonl(draw().assign(spent=[{"eur": 5}, *[5.0] * (ROWS - 1)])), "quarantined",
          "is not a valid number", 1),
    Batch("numbers for text", to_jsonl(draw().assign(shop=range(ROWS))), "stopped", "'shop' was text and is integer"),
    Batch("true for every number", to_jsonl(draw().assign(spent=True)), "stopped", "'spent' was number and is boolean"),
    Batch("times as epochs", to_jsonl(draw().assign(seen_at=1767780000)), "stopped", "'seen_at' was timestamp and is"),
    Batch("two for a truth", to_jsonl(draw().assign(rained=[2, *[1] * (ROWS - 1)])), "quarantined",
          "rained: 2 is not a valid boolean", 1),
]  # fmt: skip

TIMES = pd.to_datetime(draw()["seen_at"])
PARQUET_BATCHES = [
    Batch("Parquet", to_parquet(draw()), "accepted"),
    Batch("empty Parquet", to_parquet(draw(), lambda table: table.slice(0, 0)), "stopped", "no rows"),
    Batch("Parquet of no bytes", b"", "stopped", "not a whole Parquet"),
    Batch("truncated Parquet", to_parquet(draw())[:-30], "stopped", "not a whole Parquet"),
    Batch("Parquet without columns", to_parquet(draw(), lambda table: table.select([])), "stopped", "no rows|is missing"),
    Batch("CSV called Parquet", GOOD, "stopped", "not a whole Parquet"),
    Batch("nested column more", to_parquet(draw(), lambda t: t.append_column("n", pa.array([{"a": [1]}] * ROWS))), "accepted"),
    Batch("nested for a number", parquet_with("spent", pa.array([[1.0]] * ROWS)), "stopped", "'spent' was number and is list"),
    Batch("dictionary text", parquet_with("shop", pa.array(draw()["shop"]).dictionary_encode()), "accepted"),
    Batch("large text", cast_parquet("shop", pa.large_string()), "accepted"),
    Batch("bytes for text", cast_parquet("shop", pa.binary()), "accepted"),
    Batch("bytes that are no text", parquet_with("shop", pa.array([b"\xff\xfe"] * ROWS)), "stopped", "shop"),
    Batch("decimals", parquet_with("spent", pa.array([Decimal("12.50")] * ROWS)), "accepted"),
    Batch("decimal beyond any float", parquet_with("spent", pa.array([Decimal(10) ** 30] * ROWS)), "stopped",
          "none of the 120 rows"),
    Batch("INT96 times", to_parquet(draw(), use_deprecated_int96_timestamps=True), "accepted"),
    Batch("nanoseconds", cast_parquet("seen_at", pa.timestamp("ns")), "accepted"),
    Batch("times far beyond", parquet_with("seen_at", pa.array([2**62] * ROWS, pa.timestamp("ms"))), "stopped", "seen_at"),
    Batch("times in a zone", parquet_with("seen_at", pa.array(TIMES.dt.tz_localize("America/New_York"))), "accepted"),
    Batch("floats for integers", cast_parquet("visit", pa.float64()), "accepted"),
    Batch("unsigned beyond 2**63", parquet_with("visit", pa.array([2**64 - 1, *range(1, ROWS)], pa.uint64())),
          "quarantined", "visit: 18446744073709551615 is not a valid integer", 1),
    Batch("NaN in a float", parquet_with("spent", pa.array(np.where(np.arange(ROWS) == 3, np.nan, 5.0))), "quarantined",
          "spent: nan is not a valid number", 1),
    Batch("dates for times", parquet_with("seen_at", pa.array([NIGHT] * ROWS)), "accepted"),
    Batch("epochs for times", parquet_with("seen_at", pa.array([1767780000] * ROWS)), "stopped", "'seen_at' was timestamp"),
    Batch("null column for a feature", parquet_with("spent", pa.nulls(ROWS)), "stopped", "spent: is empty in every row"),
    Batch("durations for numbers", parquet_with("spent", pa.array([5] * ROWS, pa.duration("s"))), "stopped",
          "'spent' was number and is duration"),
    Batch("column twice in Parquet", to_parquet(draw(), lambda t: t.append_column("spent", t["spent"])), "stopped",
          "'spent' appears more than once"),
]  # fmt: skip

BATCHES = [
    *CSV_BATCHES,
    *(Batch(b.name, b.content, b.fate, b.message, b.lost, "jsonl", b.spec) for b in JSON_BATCHES),
    *(Batch(b.name, b.content, b.fate, b.message, b.lost, "parquet", b.spec) for b in PARQUET_BATCHES),
]
