"""lake -> lake: rows that meet the suite go on, rows that don't go to quarantine, a bad batch stops."""

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from include.config.code_version import read_code_version
from include.config.pipeline import PipelineConfig
from include.core import row_checks
from include.core.typing_columns import TypedTable, find_schema_problems, type_columns
from include.core.verdict import Failure, Verdict, explain_stop, summarise_reasons
from include.io.lake import ObjectRef, make_key
from include.io.ledger import (
    Attempt,
    NewEntry,
    begin_attempt,
    claim_partition,
    find_entry,
    remove_entry,
    require_current,
    write_entry,
)
from include.io.monitoring import record_validation
from include.io.resources import Resources
from include.io.tables import fetch_table, store_table
from include.io.validation import ExpectationResult, run_expectations
from include.steps.fencing import skip_superseded
from include.steps.outcome import Outcome

REASON_COLUMN = "quarantine_reason"


@skip_superseded
def validate_partition(config: PipelineConfig, resources: Resources, partition: date, raw: ObjectRef) -> Outcome:
    """Judge the raw rows; store the good ones under `valid/` and the bad ones, with the reason, under `quarantine/`.

    Stopped where the batch is bad: then only the verdict and the quarantine are written. Skipped where a later attempt
    was faster.
    Figures: valid, rows, quarantined, failures.
    """
    with resources.warehouse.begin() as connection:
        attempt = begin_attempt(connection)
    table = fetch_table(resources.lake, raw)
    problems = find_schema_problems(table.column_names, config.spec.delivered)
    if problems:
        verdict, typed = _refuse_schema(table, problems), None
    else:
        typed = type_columns(table, config.spec.delivered)
        verdict = judge_rows(config, partition, table, typed)
    entries = []
    if verdict.quarantined:
        ref = store_table(
            resources.lake, make_key("quarantine", config.name, partition, attempt.name), _take_bad_rows(table, verdict)
        )
        entries.append(NewEntry("quarantine", attempt, ref, inputs_sha256=raw.sha256))
    valid = None
    if typed is not None and not verdict.stopped:
        order = [(name, "ascending") for name in config.spec.keys]
        good = typed.table.filter(pa.array(verdict.good)).sort_by(order)
        valid = store_table(resources.lake, make_key("valid", config.name, partition, attempt.name), good)
        params = _find_params(config, resources, partition, raw)
        entries.append(NewEntry("valid", attempt, valid, inputs_sha256=raw.sha256, params=params))
    _commit(config, resources, partition, raw, attempt, verdict, entries)
    figures = {
        "rows": verdict.rows,
        "quarantined": verdict.quarantined,
        "repeated": verdict.repeated,
        "failures": [failure.to_record() for failure in verdict.failures],
    }
    if valid is None:
        return Outcome("stopped", f"{config.name} {partition}: the batch is stopped: {verdict.stopped}", figures)
    return Outcome("done", figures={"valid": valid.to_record(), **figures})


def judge_rows(config: PipelineConfig, partition: date, raw: pa.Table, typed: TypedTable) -> Verdict:
    """Our standing checks, then the suite: row expectations on all rows, batch expectations on the good ones."""
    spec, suite = config.spec, config.expectations
    frame = typed.table.to_pandas(date_as_object=False)
    repeats = row_checks.find_repeats(frame)
    row_results = run_expectations(frame, suite.rows)
    reasons = row_checks.merge_reasons(
        row_checks.find_misfits(typed, raw, spec.delivered),
        row_checks.find_null_keys(frame, spec.keys),
        row_checks.find_foreign_rows(frame, spec.event_time, partition),
        _reasons_of(row_results, frame),
    )
    good = ~repeats & ~_mask(reasons, len(frame))
    reasons = row_checks.merge_reasons(reasons, row_checks.find_conflicting_keys(frame, spec.keys, good))
    bad = _mask(reasons, len(frame)) & ~repeats
    good = ~repeats & ~bad
    batch_results = run_expectations(frame[good].reset_index(drop=True), suite.batch) if good.any() else []
    batch_failures = _list_failures(batch_results) + _list_broken(row_results)
    repeated = int((~good & ~bad).sum())
    row_failures = summarise_reasons({row: found for row, found in reasons.items() if bad[row]})
    stopped = explain_stop(
        len(frame), int(bad.sum()), repeated, suite.max_quarantined_share, batch_failures, row_failures
    )
    failures = (*batch_failures, *row_failures)
    return Verdict(len(frame), good, bad, reasons, failures, stopped)


def _find_params(config: PipelineConfig, resources: Resources, partition: date, raw: ObjectRef) -> dict[str, Any]:
    """The source params of the rows: they stay with the valid ones, also when a later, bad batch replaces the raw."""
    with resources.warehouse.begin() as connection:
        entry = find_entry(connection, config.name, partition, "raw")
    return entry.params if entry and entry.ref.sha256 == raw.sha256 else {}


def _refuse_schema(table: pa.Table, problems: list[str]) -> Verdict:
    none = np.zeros(table.num_rows, dtype=bool)
    failures = tuple(Failure("schema", "columns", table.num_rows, problem) for problem in problems)
    return Verdict(table.num_rows, none, none, {}, failures, "; ".join(problems))


def _mask(reasons: row_checks.Reasons, rows: int) -> np.ndarray:
    mask = np.zeros(rows, dtype=bool)
    mask[list(reasons)] = True
    return mask


def _reasons_of(results: list[ExpectationResult], frame: pd.DataFrame) -> row_checks.Reasons:
    reasons: row_checks.Reasons = {}
    for result in results:
        columns = list(result.expectation.columns())
        for row in result.failed_rows:
            shown = ", ".join(str(frame[name].iloc[row])[:60] for name in columns)
            reasons.setdefault(row, []).append(f"{result.describe()} (found {shown})")
    return reasons


def _list_failures(results: list[ExpectationResult]) -> list[Failure]:
    return [
        Failure(
            "batch",
            result.expectation.expect,
            len(result.failed_rows),
            f"{result.describe()}: {result.error or f'found {result.observed}'}",
        )
        for result in results
        if not result.success
    ]


def _list_broken(results: list[ExpectationResult]) -> list[Failure]:
    """Row expectations that could not be evaluated: nobody knows which rows would fail, so the batch stops."""
    return _list_failures([result for result in results if not result.success and not result.failed_rows])


def _take_bad_rows(raw: pa.Table, verdict: Verdict) -> pa.Table:
    rows = [int(row) for row in np.flatnonzero(verdict.bad)]
    reasons = pa.array(["; ".join(verdict.reasons[row]) for row in rows], pa.string())
    return raw.filter(pa.array(verdict.bad)).append_column(REASON_COLUMN, reasons)


def _commit(
    config: PipelineConfig,
    resources: Resources,
    partition: date,
    raw: ObjectRef,
    attempt: Attempt,
    verdict: Verdict,
    entries: list[NewEntry],
) -> None:
    code = read_code_version(config.folder)
    with resources.warehouse.begin() as connection:
        claim_partition(connection, config.name, partition, attempt, "valid", "quarantine")
        require_current(connection, config.name, partition, "raw", raw)
        record_validation(
            connection,
            config.name,
            partition,
            {
                "success": not verdict.stopped,
                "rows": verdict.rows,
                "quarantined": verdict.quarantined,
                "repeated": verdict.repeated,
                "failures": [failure.to_record() for failure in verdict.failures],
            },
        )
        if not verdict.quarantined:
            remove_entry(connection, config.name, partition, "quarantine")
        for entry in entries:
            write_entry(connection, config.name, partition, entry, config.config_sha256, code)
