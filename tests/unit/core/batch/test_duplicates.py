"""Rows that hold the same are found by narrowing, column by column, as pandas finds them in whole frames."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightshift.core.batch.duplicates import DuplicateGroups
from nightshift.core.batch.lazy_columns import LazyColumns

CELLS = {
    "number": (st.sampled_from([0.0, -0.0, 1.5, float("nan"), None, 2.0**53]), pa.float64()),
    "whole": (st.sampled_from([0, 1, 2**53, 2**53 + 1, None]), pa.int64()),
    "text": (st.sampled_from(["", "a", "A", "é", None]), pa.string()),
    "flag": (st.sampled_from([True, False, None]), pa.bool_()),
    "day": (st.sampled_from([0, 1, None]), pa.date32()),
}


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    rows = draw(st.integers(0, 12))
    names = draw(st.lists(st.sampled_from(sorted(CELLS)), min_size=1, unique=True))
    cells = {name: draw(st.lists(CELLS[name][0], min_size=rows, max_size=rows)) for name in names}
    return pa.table({name: pa.array(cells[name], CELLS[name][1]) for name in names})


@settings(deadline=None, max_examples=50)
@given(tables(), st.integers(0, 2**12 - 1))
def test_rows_are_alike_where_pandas_says_so(table: pa.Table, chosen: int) -> None:
    frame = table.to_pandas(date_as_object=False)
    alike = DuplicateGroups.find(table, table.column_names)
    assert alike.rows.tolist() == np.flatnonzero(frame.duplicated(keep=False)).tolist()
    assert alike.mask_later(len(frame)).tolist() == frame.duplicated(keep="first").tolist()
    mask = np.array([bool(chosen >> row & 1) for row in range(len(frame))], dtype=bool)
    shared = frame.loc[mask].duplicated(keep=False)
    assert alike.among(mask).rows.tolist() == shared.index[shared].tolist()


@settings(deadline=None, max_examples=50)
@given(tables())
def test_further_columns_leave_what_is_alike_in_them_too(table: pa.Table) -> None:
    first, frame = table.column_names[:1], table.to_pandas(date_as_object=False)
    alike = DuplicateGroups.find(table, first).narrow(table, table.column_names)
    assert alike.mask_later(len(frame)).tolist() == frame.duplicated(keep="first").tolist()


def test_no_column_is_read_once_no_two_rows_are_alike() -> None:
    table = pa.table({"id": [1, 2, 3], "text": ["a", "a", "a"]})
    read = []

    def column(name: str) -> pa.ChunkedArray:
        read.append(name)
        return table.column(name)

    DuplicateGroups.find(LazyColumns(table.schema, 3, column), ["id", "text"])
    assert read == ["id"]


@pytest.mark.parametrize("rows", [0, 1])
def test_a_single_row_is_like_no_other(rows: int) -> None:
    assert not len(DuplicateGroups.find(pa.table({"id": [7] * rows}), ["id"]).rows)


def test_groups_are_of_one_value_each() -> None:
    alike = DuplicateGroups.find(pa.table({"a": [1, 1, 2, 2, 1], "b": ["x", "y", "x", "x", "x"]}), ["a", "b"])
    assert alike.rows.tolist() == [0, 2, 3, 4]
    assert alike.groups[0] == alike.groups[3] != alike.groups[1] == alike.groups[2]
