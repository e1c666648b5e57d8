"""What all sources share: how values become text columns, blocks get one schema, and what no table may hold."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from nightshift.io.sources.formats.unreadable import UnreadableSource, show_name

TEXT_LIKE = (pa.types.is_large_string, pa.types.is_string_view, pa.types.is_dictionary, pa.types.is_null)
NUL = "\0"
LONGEST_NAME = 1000


def make_array(values: Sequence[Any]) -> pa.Array:
    """A typed column where all values are of one kind; a text column where they are mixed or have no plain type."""
    try:
        array = pa.array(values)
    except (pa.ArrowException, OverflowError, TypeError):
        return pa.array([format_value(value) for value in values], pa.string())
    return array if _is_plain(array.type) else pa.array([format_value(value) for value in values], pa.string())


def _is_plain(kind: pa.DataType) -> bool:
    """Whether values of this type have no parts, and a meaning outside Arrow."""
    return not pa.types.is_nested(kind) and not isinstance(kind, pa.BaseExtensionType)


def format_value(value: Any) -> str | None:
    """One value as text; what has parts, and true and false, as JSON."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, default=str) if isinstance(value, (dict, list, tuple, bool)) else str(value)


def make_schema(kinds: Mapping[str, Mapping[pa.DataType, object]]) -> pa.Schema:
    """Of each column a type that takes all of its `kinds`; text where they have nothing in common."""
    return pa.schema([pa.field(name, _unify_types(name, list(types))) for name, types in kinds.items()])


def _unify_types(column: str, types: Sequence[pa.DataType]) -> pa.DataType:
    fields = [pa.schema([pa.field(column, kind)]) for kind in types]
    try:
        return pa.unify_schemas(fields, promote_options="permissive").field(0).type
    except pa.ArrowException:
        return pa.string()


def align_table(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The table with these columns; one that it lacks is null in all rows."""
    present = set(table.column_names)
    columns = [
        cast_column(table[field.name], field.type) if field.name in present else pa.nulls(table.num_rows, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def cast_column(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """The column as `kind`; a value that Arrow can't turn into text is formatted."""
    try:
        return column.cast(kind)
    except pa.ArrowException:
        return pa.chunked_array([[format_value(value) for value in column.to_pylist()]], pa.string())


def finish_table(table: pa.Table, where: str) -> pa.Table:
    """Plain text columns instead of Arrow's other ways to store text; UnreadableSource where text is broken."""
    columns = []
    for field, stored in zip(table.schema, table.columns, strict=True):
        column = stored
        refuse_broken_name(field.name, where)
        if any(is_kind(field.type) for is_kind in TEXT_LIKE):
            kind = field.type.value_type if pa.types.is_dictionary(field.type) else pa.string()
            column = column.cast(pa.string() if pa.types.is_large_string(kind) else kind)
        if pa.types.is_string(column.type):
            _refuse_broken_text(column, f"{where}, column {show_name(field.name)}")
        columns.append(column)
    # Without a column, nothing else would say how many rows there are.
    return pa.Table.from_arrays(columns, table.column_names) if columns else table.replace_schema_metadata(None)


def refuse_broken_name(name: str, where: str) -> None:
    """UnreadableSource where no table may call a column so."""
    if NUL in name or len(name) > LONGEST_NAME:
        fault = "a NUL byte" if NUL in name else f"more than {LONGEST_NAME} letters"
        raise UnreadableSource(f"{where}: the name of column {show_name(name)[:80]} has {fault}")


def _refuse_broken_text(column: pa.ChunkedArray, where: str) -> None:
    try:
        column.validate(full=True)
    except pa.ArrowInvalid as error:
        raise UnreadableSource(f"{where}: is not UTF-8 text") from error
    if pc.any(pc.match_substring(column, NUL)).as_py():
        raise UnreadableSource(f"{where}: holds a NUL byte, which no text may hold")


def blank_nulls(table: pa.Table, null_values: Sequence[str]) -> pa.Table:
    """The table with the texts that stand for a missing value made null."""
    missing = pa.array(null_values, pa.string())

    def blank(column: pa.ChunkedArray) -> pa.ChunkedArray:
        if not pa.types.is_string(column.type):
            return column
        return pc.if_else(pc.is_in(column, value_set=missing), pa.scalar(None, pa.string()), column)

    return pa.Table.from_arrays([blank(column) for column in table.columns], table.column_names)
