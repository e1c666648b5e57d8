"""expectations.yaml: which expectations a row must meet, and which the whole batch."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from nightshift.config.expectation_arguments import list_argument_problems
from nightshift.config.names import suggest_name

# Great Expectations marks these as map expectations: it can name the rows that failed.
ROW_EXPECTATIONS = frozenset(
    {
        "expect_column_pair_values_a_to_be_greater_than_b",
        "expect_column_pair_values_to_be_equal",
        "expect_column_pair_values_to_be_in_set",
        "expect_column_value_lengths_to_be_between",
        "expect_column_value_lengths_to_equal",
        "expect_column_value_z_scores_to_be_less_than",
        "expect_column_values_to_be_between",
        "expect_column_values_to_be_dateutil_parseable",
        "expect_column_values_to_be_in_set",
        "expect_column_values_to_be_json_parseable",
        "expect_column_values_to_be_null",
        "expect_column_values_to_be_unique",
        "expect_column_values_to_match_regex",
        "expect_column_values_to_match_regex_list",
        "expect_column_values_to_match_strftime_format",
        "expect_column_values_to_not_be_in_set",
        "expect_column_values_to_not_be_null",
        "expect_column_values_to_not_match_regex",
        "expect_column_values_to_not_match_regex_list",
        "expect_compound_columns_to_be_unique",
        "expect_multicolumn_sum_to_equal",
        "expect_select_column_values_to_be_unique_within_record",
    }
)
# A map expectation holds for a batch too: then `mostly` says for how many of its rows.
BATCH_EXPECTATIONS = ROW_EXPECTATIONS | frozenset(
    {
        "expect_column_distinct_values_to_be_in_set",
        "expect_column_distinct_values_to_contain_set",
        "expect_column_distinct_values_to_equal_set",
        "expect_column_kl_divergence_to_be_less_than",
        "expect_column_max_to_be_between",
        "expect_column_mean_to_be_between",
        "expect_column_median_to_be_between",
        "expect_column_min_to_be_between",
        "expect_column_most_common_value_to_be_in_set",
        "expect_column_proportion_of_non_null_values_to_be_between",
        "expect_column_proportion_of_unique_values_to_be_between",
        "expect_column_quantile_values_to_be_between",
        "expect_column_stdev_to_be_between",
        "expect_column_sum_to_be_between",
        "expect_column_to_exist",
        "expect_column_unique_value_count_to_be_between",
        "expect_table_column_count_to_be_between",
        "expect_table_column_count_to_equal",
        "expect_table_columns_to_match_ordered_list",
        "expect_table_columns_to_match_set",
        "expect_table_row_count_to_be_between",
        "expect_table_row_count_to_equal",
    }
)


class Expectation(BaseModel):
    """One Great Expectations expectation: its name in snake case and its arguments."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    expect: str
    arguments: dict[str, Any] = Field(default_factory=dict)

    @field_validator("arguments")
    @classmethod
    def _arguments_sound(cls, value: dict[str, Any]) -> dict[str, Any]:
        if problems := list(list_argument_problems(value)):
            raise ValueError("; ".join(problems))
        return value

    def columns(self) -> tuple[str, ...]:
        """The source columns that the arguments name."""
        named = [self.arguments.get(key) for key in ("column", "column_A", "column_B")]
        listed = self.arguments.get("column_list")
        named += listed if isinstance(listed, (list, tuple)) else []
        return tuple(name for name in named if isinstance(name, str))


def parse_expectation(entry: Any) -> Any:
    """Turn `{expect_x: {arguments}}`, as people write it, into the fields of Expectation."""
    if isinstance(entry, dict) and len(entry) == 1 and "expect" not in entry:
        ((name, arguments),) = entry.items()
        return {"expect": str(name), "arguments": arguments or {}}
    return entry


def check_known(expectations: tuple[Expectation, ...], known: frozenset[str], level: str) -> tuple[Expectation, ...]:
    """Return the expectations, or raise a ValueError that names each unknown one and its nearest neighbour."""
    wrong = []
    for expectation in expectations:
        if expectation.expect not in known:
            near = suggest_name(expectation.expect, known)
            wrong.append(f"{expectation.expect!r}" + (f" (did you mean {near!r}?)" if near else ""))
    if wrong:
        raise ValueError(f"not a {level} expectation: {', '.join(wrong)}")
    return expectations


SizeRatio = Annotated[float, Field(gt=1, allow_inf_nan=False)]


class ExpectationSuite(BaseModel):
    """The suite of one pipeline."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    rows: tuple[Expectation, ...] = Field(
        default=(), description="A row that fails one of these goes to quarantine, with the reason."
    )
    batch: tuple[Expectation, ...] = Field(
        default=(), description="A batch that fails one of these stops: nothing of it is published."
    )
    max_quarantined_share: float = Field(
        default=0.05, ge=0, lt=1, description="The batch stops when a larger share of its rows went to quarantine."
    )
    max_size_ratio: SizeRatio | Literal["auto"] | None = Field(
        default="auto",
        description="The batch stops when it has this many times more, or fewer, rows than usual for its weekday. "
        "`auto`: as many as the pipeline's own days differ, between 1.8 and 10. `null`: any size is accepted.",
    )
    may_be_empty: tuple[str, ...] = Field(
        default=(),
        description="Columns that may be empty in every row. Any other empty one that a key, feature or expectation "
        "uses stops the batch, unless it is only known afterwards.",
    )

    def find_most_rows(self) -> int | None:
        """The most rows that a batch may have, where an expectation says so."""
        known = [each for each in self.batch if each.expect == "expect_table_row_count_to_be_between"]
        most = [int(each.arguments["max_value"]) for each in known if each.arguments.get("max_value") is not None]
        return min(most, default=None)

    @field_validator("rows", "batch", mode="before")
    @classmethod
    def _parse_entries(cls, value: Any) -> Any:
        return tuple(parse_expectation(entry) for entry in value) if isinstance(value, tuple) else value

    @field_validator("rows")
    @classmethod
    def _rows_known(cls, value: tuple[Expectation, ...]) -> tuple[Expectation, ...]:
        return check_known(value, ROW_EXPECTATIONS, "row")

    @field_validator("batch")
    @classmethod
    def _batch_known(cls, value: tuple[Expectation, ...]) -> tuple[Expectation, ...]:
        return check_known(value, BATCH_EXPECTATIONS, "batch")

    def columns(self) -> tuple[str, ...]:
        """Every source column that an expectation names."""
        return tuple(column for expectation in (*self.rows, *self.batch) for column in expectation.columns())
