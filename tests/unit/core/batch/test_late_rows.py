"""Late rows and reasons, without a warehouse: rows that came in different types, and values that hide in reasons."""

from datetime import UTC, date, datetime

import pyarrow as pa
import pytest

from nightshift.core.batch.late_rows import are_among, find_days, identify_rows, stack_rows
from nightshift.core.batch.quarantine import MAX_REASONS, OTHER, group_rows, rank_groups, show_value, split_reasons

DECLARED = {"id": "integer", "at": "timestamp", "spent": "number", "paid": "boolean"}
MOMENT = datetime(2026, 1, 2, 3, 4, 5)
NATIVE = pa.table({"id": [2**59, 2], "at": [MOMENT, None], "spent": [0.1, None], "paid": [True, None]})
TEXT = pa.table(
    {"id": [str(2**59), "2.0"], "at": ["2026-01-02 03:04:05", None], "spent": ["0.1", ""], "paid": ["yes", None]}
)


def test_the_same_row_is_the_same_in_whatever_types_it_came() -> None:
    native, text = (identify_rows(table, DECLARED) for table in (NATIVE, TEXT))
    assert are_among(native, text).tolist() == [True, False]
    assert are_among(identify_rows(stack_rows([NATIVE, TEXT]), DECLARED), native).tolist() == [True, True, True, False]


def test_cells_that_fit_no_type_tell_rows_apart() -> None:
    one, other = (pa.table({"id": ["1"], "spent": [text]}) for text in ("12,50", "12,60"))
    assert are_among(*(identify_rows(table, DECLARED) for table in (one, other))).tolist() == [False]
    assert are_among(*(identify_rows(table, DECLARED) for table in (one, one))).tolist() == [True]


def test_numbers_too_large_for_a_float_stay_apart_beside_missing_ones() -> None:
    one, other = (pa.table({"id": pa.array([number, None], pa.int64())}) for number in (2**59, 2**59 + 1))
    assert are_among(*(identify_rows(table, {"id": "integer"}) for table in (one, other))).tolist() == [False, True]


def test_stacking_loses_no_column_and_no_time_zone_changes_a_day() -> None:
    zoned = pa.table({"at": pa.array([datetime(2026, 1, 1, 23, 30, tzinfo=UTC)], pa.timestamp("us", "Europe/Berlin"))})
    stacked = stack_rows([zoned, TEXT, pa.table({"extra": [[1, 2]]})])
    assert stacked.num_rows == 4
    assert set(stacked.column_names) == {*TEXT.column_names, "extra"}
    assert [str(day)[:10] for day in find_days(stacked, DECLARED, "at")] == ["2026-01-02", "2026-01-02", "NaT", "NaT"]


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("spent: '12,50' is not a valid number", ["spent: … is not a valid number"]),
        (
            "spent: 'a; b: c' is not a valid number; paid: 'x' is not a valid boolean; shop: the key is missing",
            ["spent: … is not a valid number", "paid: … is not a valid boolean", "shop: the key is missing"],
        ),
        ("at: 2025-12-31 10:00:00 is outside partition 2026-01-07", ["at: … is outside the partition"]),
        ("spent must be below 9 (found -5); paid: missing", ["spent must be below 9", "paid: missing"]),
    ],
)  # fmt: skip
def test_reasons_that_differ_only_in_the_value_are_of_one_kind(text: str, kinds: list[str]) -> None:
    assert split_reasons(text) == kinds


def test_whatever_stands_in_the_reasons_there_is_a_bounded_number_of_kinds() -> None:
    groups: dict[str, object] = {}
    rows = [{"quarantine_reason": f"reason {n}"} for n in range(MAX_REASONS + 50)]
    group_rows(groups, date(2026, 1, 1), rows, "quarantine_reason", 2)  # type: ignore[arg-type]
    ranked = rank_groups(groups)  # type: ignore[arg-type]
    assert len(ranked) == MAX_REASONS + 1
    assert (ranked[0].reason, ranked[0].rows, len(ranked[0].examples)) == (OTHER, 50, 2)


def test_what_is_shown_is_short_and_can_do_nothing_to_a_terminal() -> None:
    assert show_value(None) == ""
    assert show_value("x" * 99) == "x" * 59 + "…"
    assert show_value("a\x1b[2Jb\nc\u202ed") == "a\\u001b[2Jb\\u000ac\\u202ed"
