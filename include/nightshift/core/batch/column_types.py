"""What a source's own column types are called, and which of them a declared type may come in."""

from collections.abc import Mapping

import pyarrow as pa

from nightshift.config.model import ColumnType
from nightshift.core.batch.lazy_columns import Columns

NOTHING = "nothing"  # the type of a column that holds no value: it says nothing
# Old Parquet writers store text as bytes; many databases and data frames know true and false as 1 and 0 only, and whole
# numbers with a missing one among them as floats. A number for text is none of these: it has lost its leading zeros.
NATIVE: Mapping[ColumnType, frozenset[str]] = {
    "text": frozenset({"text", "binary"}),
    "integer": frozenset({"integer", "number"}),
    "number": frozenset({"integer", "number"}),
    "boolean": frozenset({"boolean", "integer", "number"}),
    "date": frozenset({"date", "timestamp"}),
    "timestamp": frozenset({"timestamp", "date"}),
}
PLAIN = frozenset({"text", "integer", "number", "boolean", "date", "timestamp"})


def list_types(table: Columns) -> dict[str, str]:
    """Every column's type in words, in the table's order."""
    return {field.name: name_type(field.type) for field in table.schema}


def name_type(kind: pa.DataType) -> str:
    """The type in the words of pipeline.yaml where it has a word for it; a time zone is part of it."""
    if pa.types.is_dictionary(kind):
        return name_type(kind.value_type)
    if pa.types.is_timestamp(kind):
        return f"timestamp in {kind.tz}" if kind.tz else "timestamp"
    for name, tests in _TESTS.items():
        if any(test(kind) for test in tests):
            return name
    return str(kind)[:80]


_TESTS = {
    NOTHING: (pa.types.is_null,),
    "text": (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view),
    "integer": (pa.types.is_integer,),
    "number": (pa.types.is_floating, pa.types.is_decimal),
    "boolean": (pa.types.is_boolean,),
    "date": (pa.types.is_date,),
    "binary": (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary),
}


def is_native(found: str, declared: ColumnType) -> bool:
    """Whether a column of this type is one of the declared type, or says nothing about it."""
    return found == NOTHING or drop_zone(found) in NATIVE[declared]


def is_same(found: str, before: str) -> bool:
    """Whether a column has the type that it had; missing values turn whole numbers into others."""
    numbers = {"integer", "number"}
    return found == before or NOTHING in (found, before) or {found, before} == numbers


def drop_zone(found: str) -> str:
    """The type without its time zone."""
    return "timestamp" if found.startswith("timestamp in ") else found
