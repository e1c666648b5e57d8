"""Raw cells -> declared types."""

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightshift.core.batch.casting import find_schema_problems, type_columns


def cast(values: list[Any], kind: Any, source: pa.DataType | None = None) -> tuple[list[Any], list[bool]]:
    typed = type_columns(pa.table({"x": pa.array(values, source)}), {"x": kind})
    return typed.table["x"].to_pylist(), typed.misfits["x"].tolist()


@pytest.mark.parametrize(
    ("kind", "fits", "misfits"),
    [
        (
            "integer",
            {"1": 1, " -2 ": -2, "+3": 3, "4.0": 4, "9" * 18: 10**18 - 1},
            ["1.5", "x", "1e3", "9" * 30],
        ),
        ("number", {"1": 1.0, "-.5": -0.5, "1e3": 1000.0, "+2.": 2.0}, ["1,5", "inf", "nan", "1e999", "--1", "0x1"]),
        ("boolean", {"true": True, "No": False, "1": True, "0": False}, ["2", "maybe"]),
    ],
)
def test_text_becomes_a_value_or_a_misfit(kind: str, fits: dict[str, Any], misfits: list[str]) -> None:
    values, masks = cast([*fits, *misfits, None], kind)
    assert values == [*fits.values(), *[None] * (len(misfits) + 1)]
    assert masks == [False] * len(fits) + [True] * len(misfits) + [False]


def test_dates_and_timestamps_are_read_from_iso_text() -> None:
    values, masks = cast(["2026-02-28", "2026-02-30", "28.2.2026"], "date")
    assert str(values[0]) == "2026-02-28"
    assert masks == [False, True, True]
    values, masks = cast(["2026-02-28 10:00:00", "2026-02-28T10:00:00", "soon"], "timestamp")
    assert values[0] == values[1]
    assert masks == [False, False, True]


def test_a_column_of_an_impossible_kind_is_all_misfits() -> None:
    assert cast([[1], [2]], "number", pa.list_(pa.int64()))[1] == [True, True]


def test_floats_become_integers_only_where_they_are_whole() -> None:
    values, masks = cast([1.0, 2.5, float("inf"), None], "integer", pa.float64())
    assert values == [1, None, None, None]
    assert masks == [False, True, True, False]


@given(st.lists(st.integers(-(10**17), 10**17)))
def test_every_integer_survives_its_text(numbers: list[int]) -> None:
    values, masks = cast([str(number) for number in numbers], "integer", pa.string())
    assert values == numbers
    assert not any(masks)


@given(st.lists(st.text()))
def test_no_text_makes_typing_fail(texts: list[str]) -> None:
    for kind in ("integer", "number", "boolean", "date", "timestamp", "text"):
        values, masks = cast([text.encode("utf-8", "ignore").decode() for text in texts], kind, pa.string())
        assert len(values) == len(masks) == len(texts)


def test_missing_and_repeated_columns_are_named_with_the_nearest() -> None:
    problems = find_schema_problems(["a", "b", "b", "Price"], {"a": "text", "b": "text", "price": "number"})
    assert problems == [
        "column 'b' appears 2 times in the source",
        "column 'price' is missing from the source (it has 'Price')",
    ]
