"""lake -> lake: rows that meet the suite go on, rows that don't go to quarantine, a bad batch stops."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from include.config.code_version import read_code_version
from include.config.pipeline import PipelineConfig
from include.core.column_types import list_types
from include.core.late_rows import Arrivals
from include.core.quarantine import REASON_COLUMN
from include.core.schema_contract import Contract, SchemaChange, compare_schema, complete_table
from include.core.typing_columns import TypedTable, type_columns
from include.core.verdict import Verdict
from include.errors import explain_unexpected
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
from include.io.monitoring import list_accepted, record_validation
from include.io.resources import Resources
from include.io.schema_changes import record_changes
from include.io.tables import fetch_table, store_table
from include.steps.fencing import skip_superseded
from include.steps.judging import MOST_TOLD, Earlier, judge_rows, make_contract, refuse_schema
from include.steps.late import add_late_rows
from include.steps.outcome import Outcome

# How many accepted partitions before this one say what is usual.
EARLIER = 14


@skip_superseded
def validate_partition(config: PipelineConfig, resources: Resources, partition: date, raw: ObjectRef) -> Outcome:
    """Judge the raw rows; store the good ones under `valid/` and the bad ones, with the reason, under `quarantine/`.

    Stopped where the batch is bad: then only the verdict and the quarantine are written. Skipped where a later attempt
    was faster.
    Late rows of the partition are judged with them. Figures: valid, rows, quarantined, repeated, moved, failures.
    """
    with resources.warehouse.begin() as connection:
        attempt = begin_attempt(connection)
        earlier = Earlier.from_validations(list_accepted(connection, config.name, partition, EARLIER))
    source = fetch_table(resources.lake, raw)
    table, arrivals = add_late_rows(config, resources, partition, source)
    with explain_unexpected(f"{config.name} {partition}: the rows of {config.spec.source.describe()} can't be judged"):
        judged = _judge(config, partition, source, table, arrivals, earlier)
    verdict, typed = judged.verdict, judged.typed
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
    _commit(config, resources, partition, raw, attempt, judged, entries)
    figures = {
        "rows": verdict.rows,
        "quarantined": verdict.quarantined,
        "repeated": verdict.repeated,
        "moved": verdict.moved,
        "failures": [failure.to_record() for failure in verdict.failures],
        "schema_changes": [change.detail for change in judged.changes[:MOST_TOLD]],
    }
    if valid is None:
        return Outcome("stopped", f"{config.name} {partition}: the batch is stopped: {verdict.stopped}", figures)
    return Outcome("done", figures={"valid": valid.to_record(), **figures})


@dataclass(frozen=True)
class _Judged:
    """The verdict, how the columns differed, what they are, and the typed rows where the columns were taken."""

    verdict: Verdict
    changes: Sequence[SchemaChange]
    columns: dict[str, str]
    typed: TypedTable | None


def _judge(
    config: PipelineConfig, partition: date, source: pa.Table, table: pa.Table, arrivals: Arrivals, earlier: Earlier
) -> _Judged:
    """Judge `table`, which is the `source`'s rows and those that came late."""
    contract, columns = make_contract(config, earlier), list_types(source)
    changes = compare_schema(contract, source, _type(contract, source))
    if not all(change.accepted for change in changes):
        return _Judged(refuse_schema(source, changes), changes, columns, None)
    typed = complete_table(contract, table, _type(contract, table))
    return _Judged(judge_rows(config, partition, table, typed, arrivals, earlier), changes, columns, typed)


def _type(contract: Contract, table: pa.Table) -> TypedTable:
    present = {name: kind for name, kind in contract.declared.items() if name in table.column_names}
    return type_columns(table, present)


def _find_params(config: PipelineConfig, resources: Resources, partition: date, raw: ObjectRef) -> dict[str, Any]:
    """The source params of the rows: they stay with the valid ones, also when a later, bad batch replaces the raw."""
    with resources.warehouse.begin() as connection:
        entry = find_entry(connection, config.name, partition, "raw")
    return entry.params if entry and entry.ref.sha256 == raw.sha256 else {}


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
    judged: _Judged,
    entries: list[NewEntry],
) -> None:
    code, verdict = read_code_version(config.folder), judged.verdict
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
                "moved": verdict.moved,
                "failures": [failure.to_record() for failure in verdict.failures],
                "source_columns": [list(pair) for pair in judged.columns.items()],
            },
        )
        changes = [change.to_record() for change in judged.changes]
        record_changes(connection, config.name, partition, config.spec.contract.policy, changes)
        if not verdict.quarantined:
            remove_entry(connection, config.name, partition, "quarantine")
        for entry in entries:
            write_entry(connection, config.name, partition, entry, config.config_sha256, code)
