"""Each expectation sees only its own columns, and says of them what it says of the whole frame."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nightshift.config.expectations import BATCH_EXPECTATIONS, ROW_EXPECTATIONS, Expectation
from nightshift.io.vendors.great_expectations import Rows, run_expectations
from tests.integration.plain_validation import run_whole

PAIR, LISTED = {"column_A": "a", "column_B": "b"}, {"column_list": ["a", "b", "whole"]}
NAMES = ["a", "b", "whole", "text", "moment", "flag", "day", "json", "empty"]
BOUNDS: dict[str, Any] = {"min_value": -0.5, "max_value": 0.5}
EXAMPLES: dict[str, list[dict[str, Any]]] = {
    "expect_column_distinct_values_to_be_in_set": [{"column": "text", "value_set": ["x", "y"]}],
    "expect_column_distinct_values_to_contain_set": [{"column": "text", "value_set": ["x", "é"]}],
    "expect_column_distinct_values_to_equal_set": [{"column": "whole", "value_set": list(range(7))}],
    "expect_column_kl_divergence_to_be_less_than": [
        {
            "column": "text",
            "partition_object": {"values": ["x", "y", "é"], "weights": [0.3, 0.3, 0.4]},
            "threshold": 0.1,
        }
    ],
    "expect_column_max_to_be_between": [{"column": name, **BOUNDS} for name in ("a", "b", "empty")],
    "expect_column_mean_to_be_between": [{"column": "a", **BOUNDS}, {"column": "text", **BOUNDS}],
    "expect_column_median_to_be_between": [{"column": "b", **BOUNDS}],
    "expect_column_min_to_be_between": [{"column": "a", **BOUNDS}],
    "expect_column_most_common_value_to_be_in_set": [{"column": "text", "value_set": ["x"]}],
    "expect_column_pair_values_a_to_be_greater_than_b": [PAIR, {**PAIR, "ignore_row_if": "either_value_is_missing"}],
    "expect_column_pair_values_to_be_equal": [PAIR, {"column_A": "b", "column_B": "a"}, {**PAIR, "mostly": 0.2}],
    "expect_column_pair_values_to_be_in_set": [
        {"column_A": "text", "column_B": "whole", "value_pairs_set": [["x", 1]]}
    ],
    "expect_column_proportion_of_non_null_values_to_be_between": [{"column": "b", "min_value": 0.9}],
    "expect_column_proportion_of_unique_values_to_be_between": [{"column": "a", "min_value": 0.9}],
    "expect_column_quantile_values_to_be_between": [
        {"column": "a", "quantile_ranges": {"quantiles": [0.1, 0.5], "value_ranges": [[-2.0, 0.0], [-0.01, 0.01]]}}
    ],
    "expect_column_stdev_to_be_between": [{"column": "a", **BOUNDS}],
    "expect_column_sum_to_be_between": [{"column": "whole", "min_value": 0, "max_value": 10_000}],
    "expect_column_to_exist": [
        *({"column": "b", "column_index": place} for place in (0, 1)),
        {"column": "text"},
        {"column": "nowhere"},
    ],
    "expect_column_unique_value_count_to_be_between": [{"column": "text", "max_value": 2}],
    "expect_column_value_lengths_to_be_between": [
        {"column": "text", "min_value": 1, "max_value": 1},
        {"column": "a", "min_value": 1},
    ],
    "expect_column_value_lengths_to_equal": [{"column": "text", "value": 1}],
    "expect_column_value_z_scores_to_be_less_than": [{"column": "a", "threshold": 2, "double_sided": True}],
    "expect_column_values_to_be_between": [
        *({"column": name, **BOUNDS} for name in ("a", "b", "text", "flag", "empty")),
        {"column": "moment", "min_value": "2026-01-01T06:00:00", "max_value": "2026-01-02"},
        {"column": "b", **BOUNDS, "mostly": 0.2},
    ],
    "expect_column_values_to_be_dateutil_parseable": [{"column": "text"}, {"column": "json"}],
    "expect_column_values_to_be_in_set": [
        {"column": "text", "value_set": ["x"]},
        {"column": "flag", "value_set": [True]},
    ],
    "expect_column_values_to_be_json_parseable": [{"column": "json"}],
    "expect_column_values_to_be_null": [{"column": "empty"}, {"column": "b"}],
    "expect_column_values_to_be_unique": [{"column": "a"}, {"column": "whole"}, {"column": "text", "mostly": 0.1}],
    "expect_column_values_to_match_regex": [{"column": "text", "regex": "^[xy]$"}],
    "expect_column_values_to_match_regex_list": [{"column": "text", "regex_list": ["x", "y"]}],
    "expect_column_values_to_match_strftime_format": [{"column": "day", "strftime_format": "%Y"}],
    "expect_column_values_to_not_be_in_set": [{"column": "whole", "value_set": [3]}],
    "expect_column_values_to_not_be_null": [{"column": "b"}, {"column": "flag", "mostly": 0.5}],
    "expect_column_values_to_not_match_regex": [{"column": "text", "regex": "x"}],
    "expect_column_values_to_not_match_regex_list": [{"column": "text", "regex_list": ["x"]}],
    "expect_compound_columns_to_be_unique": [
        {"column_list": ["whole", "text"]},
        LISTED,
        {"column_list": ["flag", "b"]},
    ],
    "expect_multicolumn_sum_to_equal": [{**LISTED, "sum_total": 1}],
    "expect_select_column_values_to_be_unique_within_record": [{"column_list": ["b", "a"]}],
    "expect_table_column_count_to_be_between": [{"min_value": 9, "max_value": 9}, {"max_value": 2}],
    "expect_table_column_count_to_equal": [{"value": 9}, {"value": 1}],
    "expect_table_columns_to_match_ordered_list": [{"column_list": NAMES}, {"column_list": NAMES[::-1]}, LISTED],
    "expect_table_columns_to_match_set": [{"column_set": NAMES[::-1]}, {"column_set": ["a"], "exact_match": False}],
    "expect_table_row_count_to_be_between": [{"min_value": 10}, {"max_value": 10}],
    "expect_table_row_count_to_equal": [{"value": 300}, {"value": 1}],
}


def make_frame(rows: int) -> pd.DataFrame:
    """Columns of all types, with missing cells and values that stand more than once."""
    random = np.random.default_rng(rows)
    a, b = random.normal(size=rows), random.normal(size=rows)
    b[random.random(rows) < 0.2] = np.nan
    b[:5] = a[:5]
    return pd.DataFrame(
        {
            "a": a,
            "b": b,
            "whole": random.integers(0, 7, rows),
            "text": pd.Series(random.choice(["x", "y", "é", None], rows), dtype="str"),
            "moment": pd.Timestamp("2026-01-01") + pd.to_timedelta(random.integers(0, 90_000, rows), unit="s"),
            "flag": random.choice(np.array([True, False, None], dtype=object), rows),
            "day": pd.Timestamp("2026-01-01") + pd.to_timedelta(random.integers(0, 3, rows), unit="D"),
            "json": pd.Series(random.choice(['{"a": 1}', "[", "1"], rows), dtype="str"),
            "empty": np.full(rows, np.nan),
        }
    )


def read_error(result: Any) -> bool:
    information = result.exception_info or {}
    found = [information] if "raised_exception" in information else list(information.values())
    return any(entry.get("raised_exception") for entry in found)


def judge(frame: pd.DataFrame, expectations: Sequence[Expectation], find_rows: bool) -> tuple[list[Any], int]:
    """Our results, and the most columns that were in memory at once."""
    widths = []

    def read(columns: Sequence[str]) -> pd.DataFrame:
        widths.append(len(columns))
        return frame[list(columns)].copy()

    return run_expectations(Rows(list(frame), len(frame), read), expectations, find_rows), max(widths)


def test_there_is_an_example_of_every_expectation() -> None:
    assert set(EXAMPLES) == BATCH_EXPECTATIONS


@pytest.mark.parametrize("find_rows", [True, False])
def test_an_expectation_over_its_own_columns_says_the_same_as_over_all(find_rows: bool) -> None:
    known = ROW_EXPECTATIONS if find_rows else BATCH_EXPECTATIONS
    expectations = [
        Expectation(expect=name, arguments=arguments) for name in sorted(known) for arguments in EXAMPLES[name]
    ]
    frame = make_frame(300)
    results, width = judge(frame, expectations, find_rows)
    assert width == 3, "as many as the widest expectation names"
    for expectation, ours, whole in zip(expectations, results, run_whole(frame, expectations), strict=True):
        details = whole.result or {}
        rows_found = tuple(details.get("unexpected_index_list") or ())
        assert (ours.expectation, ours.success) == (expectation, whole.success), expectation
        assert bool(ours.error) == read_error(whole), expectation
        assert (ours.failed, ours.failed_rows) == (len(rows_found), rows_found if find_rows else ()), expectation
        assert repr(ours.observed) == repr(details.get("observed_value")), expectation
        shown = [
            ", ".join(str(frame[name].iloc[row])[:60] for name in expectation.columns()) for row in ours.failed_rows
        ]
        assert list(ours.found) == shown
