"""Whether a batch may go on: its columns against the contract, its rows and the whole against the suite."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

import numpy as np

from nightshift.config.expectations import Expectation
from nightshift.config.pipeline import PipelineConfig
from nightshift.core.batch import row_checks
from nightshift.core.batch.casting import TypedTable
from nightshift.core.batch.duplicates import DuplicateGroups
from nightshift.core.batch.late_rows import Arrivals, find_taken_keys
from nightshift.core.batch.lazy_columns import Columns, read_frame
from nightshift.core.batch.result import Failure, Verdict, explain_stop, summarise_reasons
from nightshift.core.batch.schema_contract import Contract, SchemaChange
from nightshift.core.batch.volume import Delivery, find_size_problem
from nightshift.core.features.build import PARTITION
from nightshift.io.vendors.great_expectations import ExpectationResult, Rows, run_expectations

EMPTY_IS_RIGHT = "expect_column_values_to_be_null"
# A message that lists more columns than this is read by nobody; monitoring.schema_changes has all.
MAX_REPORTED = 10


@dataclass(frozen=True)
class Earlier:
    """The last partitions before this one: the columns of the newest accepted one, and the rows of each."""

    columns: dict[str, str] | None = None
    deliveries: tuple[Delivery, ...] = ()

    @classmethod
    def from_validations(cls, accepted: Sequence[dict[str, Any]], stopped: Sequence[dict[str, Any]] = ()) -> "Earlier":
        """From rows of monitoring.validation, newest first: those that passed, and those stopped for their size."""
        known = (row["source_columns"] for row in accepted if row["source_columns"])
        columns = next((dict(pairs) for pairs in known), None)
        return cls(columns, tuple(_to_delivery(row) for row in (*accepted, *stopped)))


def _to_delivery(row: dict[str, Any]) -> Delivery:
    return Delivery(row["partition_date"], row["rows"] - row["repeated"] - row["moved"], row["success"])


def make_contract(config: PipelineConfig, earlier: Earlier) -> Contract:
    """What this pipeline's batches must look like."""
    spec = config.spec
    made = {*(feature.name for feature in spec.features.derived), *spec.features.names, *spec.score_columns, PARTITION}
    made |= {name for table in spec.features.tables.values() for name in table.columns.values()}
    needed = spec.needed | (set(config.expectations.columns()) & set(spec.delivered))
    return Contract(
        spec.contract.policy, spec.delivered, needed, frozenset(made | spec.columns.keys()), earlier.columns
    )


def refuse_schema(rows: int, changes: Sequence[SchemaChange]) -> Verdict:
    """The verdict on a batch of so many rows whose columns the policy does not take."""
    refused = [change.detail for change in changes if not change.accepted]
    none = np.zeros(rows, dtype=bool)
    failures = tuple(Failure("schema", "columns", rows, detail) for detail in refused[:MAX_REPORTED])
    rest = len(refused) - MAX_REPORTED
    more = f"; and {rest} more, which are in monitoring.schema_changes" if rest > 0 else ""
    return Verdict(rows, none, none, {}, failures, "; ".join(refused[:MAX_REPORTED]) + more)


def judge_rows(
    config: PipelineConfig,
    partition: date,
    raw: Columns,
    typed: TypedTable,
    arrivals: Arrivals | None = None,
    earlier: Earlier | None = None,
) -> Verdict:
    """Our standing checks, then the suite: row expectations on all rows, batch expectations on the good ones.

    `arrivals` says which rows came late or were moved to their own day: neither kind can stop the batch by their share.
    Memory: what the largest set of columns takes that one check or expectation looks at, and the reasons of bad rows.
    """
    spec, suite, columns, count = config.spec, config.expectations, typed.table, typed.table.num_rows
    arrivals = arrivals or Arrivals.on_time(count)
    duplicates = DuplicateGroups.find(columns, spec.keys)
    repeats = row_checks.find_repeats(columns, duplicates)
    moved = arrivals.moved & ~repeats
    aside = repeats | moved
    row_results = run_expectations(_open_rows(columns), suite.rows)
    reasons = row_checks.merge_reasons(_find_unsound_cells(config, partition, raw, typed), _reasons_of(row_results))
    good = ~aside & ~_mask(reasons, count)
    conflicts = row_checks.find_conflicting_keys(duplicates, spec.keys, good & ~arrivals.late)
    taken = find_taken_keys(duplicates, spec.keys, good, arrivals.late)
    reasons = row_checks.merge_reasons(reasons, conflicts, taken)
    bad = _mask(reasons, count) & ~aside
    good = ~aside & ~bad
    counted = arrivals.choose_counted()
    rows, quarantined, repeated = (int(mask[counted].sum()) for mask in (counted, bad, repeats))
    batch_failures = _judge_batch(config, columns, good, row_results)
    if earlier and (~arrivals.late & ~arrivals.moved).any():
        batch_failures += _judge_size(config, partition, rows - repeated, earlier)
    row_failures = summarise_reasons({row: found for row, found in reasons.items() if bad[row]})
    stopped = explain_stop(rows, quarantined, repeated, suite.max_quarantined_share, batch_failures, row_failures)
    failures = (*batch_failures, *row_failures)
    return Verdict(count, good, bad, reasons, failures, stopped, int(moved.sum()))


def _find_unsound_cells(config: PipelineConfig, partition: date, raw: Columns, typed: TypedTable) -> row_checks.Reasons:
    """What is wrong with rows whatever the suite says."""
    spec, columns = config.spec, typed.table
    dated = [name for name, kind in spec.delivered.items() if kind in ("date", "timestamp") and name != spec.event_time]
    return row_checks.merge_reasons(
        row_checks.find_cast_failures(typed, raw, spec.delivered),
        row_checks.find_null_keys(columns, spec.keys),
        row_checks.find_long_keys(columns, spec.keys),
        row_checks.find_foreign_rows(columns, spec.event_time, partition),
        row_checks.find_sentinel_dates(columns, dated),
    )


def _open_rows(columns: Columns, mask: np.ndarray | None = None) -> Rows:
    """The rows of the mask, or all, for Great Expectations."""
    count = columns.num_rows if mask is None else int(mask.sum())
    return Rows(columns.column_names, count, partial(read_frame, columns, mask=mask))


def _judge_batch(
    config: PipelineConfig, columns: Columns, good: np.ndarray, row_results: list[ExpectationResult]
) -> list[Failure]:
    """What is wrong with the good rows (a mask) as a whole; of none nothing can be said."""
    broken = _list_broken(row_results)
    if not good.any():
        return broken
    rows = _open_rows(columns, good)
    results = run_expectations(rows, config.expectations.batch, find_rows=False)
    failures = [*_list_failures(results), *broken]
    if not results and not row_results:
        failures.append(Failure("batch", "expectations", rows.count, "no expectation was evaluated"))
    for name in row_checks.find_empty_columns(columns, list_filled(config), good):
        detail = f"{name}: is empty in every row; if that is right, list it in may_be_empty of expectations.yaml"
        failures.append(Failure("batch", "empty column", rows.count, detail))
    return failures


def list_filled(config: PipelineConfig) -> list[str]:
    """The columns that a batch must not lack in every row: what features and expectations are about."""
    spec, suite = config.spec, config.expectations
    expected = {name for item in (*suite.rows, *suite.batch) if _says_something(item) for name in item.columns()}
    # Outcomes are often not there yet when their rows are.
    known = (spec.needed | expected) - spec.afterwards
    return [name for name in spec.delivered if name in known and name not in suite.may_be_empty]


def _says_something(expectation: Expectation) -> bool:
    return expectation.expect != EMPTY_IS_RIGHT


def _judge_size(config: PipelineConfig, partition: date, rows: int, earlier: Earlier) -> list[Failure]:
    reason = find_size_problem(partition, rows, earlier.deliveries, config.expectations.max_size_ratio)
    return [Failure("batch", "size", rows, reason)] if reason else []


def _mask(reasons: row_checks.Reasons, rows: int) -> np.ndarray:
    mask = np.zeros(rows, dtype=bool)
    mask[list(reasons)] = True
    return mask


def _reasons_of(results: list[ExpectationResult]) -> row_checks.Reasons:
    reasons: row_checks.Reasons = {}
    for result in results:
        words = result.describe()
        for row, found in zip(result.failed_rows, result.found, strict=True):
            reasons.setdefault(row, []).append(f"{words} (found {found})")
    return reasons


def _list_failures(results: list[ExpectationResult]) -> list[Failure]:
    return [
        Failure(
            "batch",
            result.expectation.expect,
            result.failed,
            f"{result.describe()}: {result.error or f'found {result.observed}'}",
        )
        for result in results
        if not result.success
    ]


def _list_broken(results: list[ExpectationResult]) -> list[Failure]:
    """Row expectations that could not be evaluated: nobody knows which rows would fail, so the batch stops."""
    return _list_failures([result for result in results if not result.success and not result.failed_rows])
