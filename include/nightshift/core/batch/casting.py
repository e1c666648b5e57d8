"""Raw columns -> declared types. A cell that does not fit becomes null, and its row is told."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from nightshift.config.arrow_types import ARROW_TYPES
from nightshift.config.model import ColumnType
from nightshift.config.names import suggest_name

# Written by hand or by a database export; what fits neither pattern (decimal commas, inf, nan, 1e400) is a reject.
INTEGER_TEXT = r"^[+-]?\d{1,18}(\.0+)?$"
NUMBER_TEXT = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$"
# "now" and "today" are no dates of a file; years have four digits.
DATE_TEXT = r"^\d{4}-?\d{2}"
ZONE_TEXT = r"([T ]\d{2}(?::?\d{2}){0,2}(?:[.,]\d+)?)\s*(?:[Zz]|[+-][01]\d(?::?[0-5]\d)?)$"
TRUE_TEXTS, FALSE_TEXTS = ["true", "t", "yes", "y", "1"], ["false", "f", "no", "n", "0"]


@dataclass(frozen=True)
class TypedTable:
    """The declared columns in their types, and per column a mask of the cells that did not fit (null in the table).

    Of a large day `table` is Columns of another kind, and only columns with misfits have a mask.
    """

    table: pa.Table
    misfits: Mapping[str, np.ndarray]


def find_schema_problems(found: list[str], declared: Mapping[str, ColumnType]) -> list[str]:
    """What keeps a batch with the columns `found` from being read: missing and repeated columns, by name."""
    problems = []
    for name in sorted({name for name in found if found.count(name) > 1}):
        problems.append(f"column {name!r} appears {found.count(name)} times in the source")
    for name in declared:
        if name not in found:
            near = suggest_name(name, found)
            problems.append(f"column {name!r} is missing from the source" + (f" (it has {near!r})" if near else ""))
    return problems


def type_columns(table: pa.Table, declared: Mapping[str, ColumnType]) -> TypedTable:
    """Cast the declared columns, in their declared order; the others are left out.

    Raises nothing for data: a column of a kind that can't become the declared type is all misfits.
    """
    typed = {name: type_column(table.column(name), kind) for name, kind in declared.items()}
    columns = {name: column for name, (column, _) in typed.items()}
    return TypedTable(pa.table(columns), {name: misfits for name, (_, misfits) in typed.items()})


def type_column(column: pa.ChunkedArray, kind: ColumnType) -> tuple[pa.Array, np.ndarray]:
    """The column cast to the declared type, and a mask of the cells that did not fit, which are null then."""
    source = _combine(column)
    typed = _cast(source, kind)
    return typed, np.asarray(pc.and_(pc.is_valid(source), pc.is_null(typed)))


def _combine(column: pa.ChunkedArray) -> pa.Array:
    combined = column.combine_chunks()
    if isinstance(combined, pa.ChunkedArray):
        combined = pa.concat_arrays(combined.chunks) if combined.num_chunks else pa.array([], combined.type)
    if pa.types.is_dictionary(combined.type):
        combined = combined.dictionary_decode()
    if pa.types.is_large_string(combined.type) or pa.types.is_string_view(combined.type):
        combined = combined.cast(pa.string())
    return combined


def _cast(source: pa.Array, kind: ColumnType) -> pa.Array:
    target = ARROW_TYPES[kind]
    if pa.types.is_null(source.type) or _is_meaningless(source.type, target):
        return pa.nulls(len(source), target)
    if kind == "text":
        return source if pa.types.is_string(source.type) else _cast_or_null(source, target)
    if pa.types.is_string(source.type):
        return _parse_text(source, kind)
    if kind == "number":
        return _keep_finite(_cast_or_null(source, target))
    if kind == "boolean" and not pa.types.is_boolean(source.type):
        return _zero_or_one(_cast_or_null(source, pa.float64()))
    if pa.types.is_uint64(source.type):
        source = pc.if_else(pc.less(source, pa.scalar(2**63, pa.uint64())), source, None)
    if kind == "integer" and (pa.types.is_floating(source.type) or pa.types.is_decimal(source.type)):
        return _whole_numbers(_cast_or_null(source, pa.float64()))
    return _cast_or_null(source, target)


def _is_meaningless(source: pa.DataType, target: pa.DataType) -> bool:
    """Whether Arrow would count time units: nobody knows which ones a number stands for, nor from when."""
    return (
        target != pa.string()
        and pa.types.is_temporal(source) != pa.types.is_temporal(target)
        and not (pa.types.is_string(source) or pa.types.is_binary(source))
    )


def _zero_or_one(values: pa.Array) -> pa.Array:
    return pc.if_else(pc.is_in(values, pa.array([0.0, 1.0])), pc.equal(values, 1.0), None)


def _cast_or_null(source: pa.Array, target: pa.DataType) -> pa.Array:
    try:
        if pa.types.is_timestamp(source.type) and source.type.tz and pa.types.is_timestamp(target):
            source = pc.local_timestamp(source)
        # Nanoseconds are cut off; larger units that don't fit must not wrap around.
        cut = pa.types.is_timestamp(target) and pa.types.is_timestamp(source.type) and source.type.unit == "ns"
        return source.cast(target, safe=not cut)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return pa.nulls(len(source), target)


def _keep_finite(values: pa.Array) -> pa.Array:
    return pc.if_else(pc.is_finite(values), values, pa.scalar(None, pa.float64()))


def _whole_numbers(values: pa.Array) -> pa.Array:
    whole = pc.and_(pc.is_finite(values), pc.equal(pc.floor(values), values))
    small = pc.less(pc.abs(values), 2.0**53)
    return pc.if_else(pc.and_(whole, small), values, pa.scalar(None, pa.float64())).cast(pa.int64())


def _parse_text(source: pa.Array, kind: ColumnType) -> pa.Array:
    trimmed = pc.utf8_trim_whitespace(source)
    if kind == "integer":
        fits = pc.match_substring_regex(trimmed, INTEGER_TEXT)
        digits = pc.replace_substring_regex(pc.if_else(fits, trimmed, None), r"(^\+|\.0+$)", "")
        return digits.cast(pa.int64())
    if kind == "number":
        fits = pc.match_substring_regex(trimmed, NUMBER_TEXT)
        digits = pc.replace_substring_regex(pc.if_else(fits, trimmed, None), r"^\+", "")
        return _keep_finite(digits.cast(pa.float64()))
    if kind == "boolean":
        lower = pc.utf8_lower(trimmed)
        known = pc.is_in(lower, pa.array(TRUE_TEXTS + FALSE_TEXTS))
        return pc.if_else(known, pc.is_in(lower, pa.array(TRUE_TEXTS)), None)
    # The clock on the wall counts, so that the hour before and after daylight saving began stays what it was.
    local = pc.replace_substring_regex(trimmed, ZONE_TEXT, r"\1")
    dated = pc.if_else(pc.match_substring_regex(local, DATE_TEXT), local, None)
    parsed = pd.to_datetime(dated.to_pandas(), format="ISO8601", errors="coerce")
    return pa.Array.from_pandas(parsed, type=pa.timestamp("us"), safe=False).cast(ARROW_TYPES[kind], safe=False)
