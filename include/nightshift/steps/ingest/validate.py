"""lake -> lake: rows that meet the suite go on, rows that don't go to quarantine, a bad batch stops."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa

from nightshift.config.code_version import read_code_version
from nightshift.config.pipeline import PipelineConfig
from nightshift.core.batch.casting import TypedTable, type_column
from nightshift.core.batch.column_types import list_types
from nightshift.core.batch.late_rows import Arrivals
from nightshift.core.batch.lazy_columns import Columns, sort_rows, take_rows
from nightshift.core.batch.quarantine import REASON_COLUMN, SEPARATOR
from nightshift.core.batch.result import Verdict
from nightshift.core.batch.schema_contract import Contract, SchemaChange, compare_schema, complete_table
from nightshift.errors import explain_unexpected
from nightshift.io.lake.base import ObjectRef, make_key
from nightshift.io.lake.column_files import ColumnFiles, ParquetColumns, store_columns
from nightshift.io.lake.parquet import fetch_object, store_table
from nightshift.io.ledger.entries import (
    Attempt,
    Kind,
    NewEntry,
    begin_attempt,
    claim_partition,
    remove_entry,
    require_current,
    write_entry,
)
from nightshift.io.monitoring.schema_changes import record_changes
from nightshift.io.monitoring.validation_and_drift import list_accepted, list_stopped_sizes, record_validation
from nightshift.io.resources import Resources
from nightshift.io.runtime.temp_files import open_temporary_folder
from nightshift.steps.fencing import skip_superseded
from nightshift.steps.ingest.batch_checks import MAX_REPORTED, Earlier, judge_rows, make_contract, refuse_schema
from nightshift.steps.ingest.late import add_late_rows
from nightshift.steps.outcome import Outcome

# How many accepted partitions before this one say what is usual: eight weeks of each weekday, and some that lack.
EARLIER = 60


@skip_superseded
def validate_partition(config: PipelineConfig, resources: Resources, partition: date, raw: ObjectRef) -> Outcome:
    """Judge the raw rows; store the good ones under `valid/` and the bad ones, with the reason, under `quarantine/`.

    Stopped where the batch is bad: then only the verdict and the quarantine are written. Skipped where a later attempt
    was faster.
    Late rows of the partition are judged with them. Figures: valid, rows, quarantined, repeated, moved, failures.
    """
    with resources.warehouse.begin() as connection:
        attempt = begin_attempt(connection)
        accepted = list_accepted(connection, config.name, partition, EARLIER)
        earlier = Earlier.from_validations(accepted, list_stopped_sizes(connection, config.name, partition, EARLIER))
    with fetch_object(resources.lake, raw) as path, open_temporary_folder() as folder:
        source = ParquetColumns(path)
        rows, arrivals = add_late_rows(config, resources, partition, source)
        what = f"{config.name} {partition}: the rows of {config.spec.source.describe()} can't be evaluated"
        with explain_unexpected(what):
            judged = _judge(config, partition, source, rows, arrivals, earlier, folder)
        stored = _store_rows(config, resources, partition, attempt, rows, judged)
    _commit(config, resources, partition, raw, attempt, judged, stored)
    verdict = judged.verdict
    figures = {
        "rows": verdict.rows,
        "quarantined": verdict.quarantined,
        "repeated": verdict.repeated,
        "moved": verdict.moved,
        "failures": [failure.to_record() for failure in verdict.failures],
        "schema_changes": [change.detail for change in judged.changes[:MAX_REPORTED]],
    }
    if "valid" not in stored:
        return Outcome("stopped", f"{config.name} {partition}: the batch is stopped: {verdict.stopped}", figures)
    return Outcome("done", figures={"valid": stored["valid"].to_record(), **figures})


@dataclass(frozen=True)
class _Judged:
    """The verdict, how the columns differed, what they are, and the typed rows where the columns were taken."""

    verdict: Verdict
    changes: Sequence[SchemaChange]
    columns: dict[str, str]
    typed: TypedTable | None


def _judge(
    config: PipelineConfig,
    partition: date,
    source: Columns,
    rows: Columns,
    arrivals: Arrivals,
    earlier: Earlier,
    folder: Path,
) -> _Judged:
    """Judge `rows`, which are the `source`'s and those that came late. Their typed columns are kept in `folder`."""
    contract, columns = make_contract(config, earlier), list_types(source)
    typed = _type(contract, source, folder / "source")
    changes = compare_schema(contract, source, typed)
    if not all(change.accepted for change in changes):
        return _Judged(refuse_schema(source.num_rows, changes), changes, columns, None)
    typed = complete_table(contract, rows, typed if rows is source else _type(contract, rows, folder / "all"))
    return _Judged(judge_rows(config, partition, rows, typed, arrivals, earlier), changes, columns, typed)


def _type(contract: Contract, rows: Columns, folder: Path) -> TypedTable:
    """The declared columns that are there, typed once and kept as files; masks only of those with misfits."""
    folder.mkdir()
    files, misfits = ColumnFiles(folder, rows.num_rows), {}
    for name in (name for name in contract.declared if name in rows.column_names):
        column, mask = type_column(rows.column(name), contract.declared[name])
        files.put(name, column)
        if mask.any():
            misfits[name] = mask
    return TypedTable(files, misfits)


def _store_rows(
    config: PipelineConfig, resources: Resources, partition: date, attempt: Attempt, rows: Columns, judged: _Judged
) -> dict[Kind, ObjectRef]:
    """Write the bad rows and, unless the batch is stopped, the good ones, sorted by their keys; the objects by kind."""
    lake, verdict = resources.lake, judged.verdict
    stored: dict[Kind, ObjectRef] = {}
    if verdict.quarantined:
        key = make_key("quarantine", config.name, partition, attempt.name)
        stored["quarantine"] = store_table(lake, key, _take_bad_rows(rows, verdict))
    if judged.typed is not None and not verdict.stopped:
        key, columns = make_key("valid", config.name, partition, attempt.name), judged.typed.table
        stored["valid"] = store_columns(lake, key, columns, sort_rows(columns, config.spec.keys, verdict.good))
    return stored


def _take_bad_rows(rows: Columns, verdict: Verdict) -> pa.Table:
    reasons = [SEPARATOR.join(verdict.reasons[int(row)]) for row in np.flatnonzero(verdict.bad)]
    return take_rows(rows, verdict.bad).append_column(REASON_COLUMN, pa.array(reasons, pa.string()))


def _commit(
    config: PipelineConfig,
    resources: Resources,
    partition: date,
    raw: ObjectRef,
    attempt: Attempt,
    judged: _Judged,
    stored: dict[Kind, ObjectRef],
) -> None:
    code, verdict = read_code_version(config.folder), judged.verdict
    with resources.warehouse.begin() as connection:
        claim_partition(connection, config.name, partition, attempt, "valid", "quarantine")
        source = require_current(connection, config.name, partition, "raw", raw)
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
        for kind, ref in stored.items():
            # The source's params stay with the valid rows, also when a later, bad batch replaces the raw ones.
            params = source.params if kind == "valid" else {}
            entry = NewEntry(kind, attempt, ref, inputs_sha256=raw.sha256, params=params)
            write_entry(connection, config.name, partition, entry, config.config_sha256, code)
