"""Great Expectations: runs a suite in an ephemeral context. Nothing is written, nothing phones home.

Each expectation gets a frame of its own columns only, so that a large day is never in memory whole.
"""

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")

import great_expectations as gx
import numpy as np
import pandas as pd
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.registry import get_expectation_impl
from great_expectations.validator.validator import Validator

from nightshift.config.expectations import ROW_EXPECTATIONS, Expectation
from nightshift.errors import NightshiftError

logging.getLogger("great_expectations").setLevel(logging.ERROR)
# It sets a level of its own, and tells of a folder for every context.
logging.getLogger("great_expectations.data_context.types.base").setLevel(logging.ERROR)

# Arguments by which an expectation names the columns that it reads.
DOMAIN = ("column", "column_A", "column_B", "column_list")
# Only where rows are looked for must Great Expectations list them all.
WITH_ROWS = {"result_format": "COMPLETE", "include_unexpected_rows": False}
WITHOUT_ROWS = {"result_format": "BASIC"}


@dataclass(frozen=True)
class ExpectationResult:
    """One expectation's verdict: how many rows failed it (map expectations), or what was observed.

    `failed_rows` are their positions and `found` their cells as text, where rows were looked for.
    """

    expectation: Expectation
    success: bool
    failed: int = 0
    observed: Any = None
    error: str | None = None
    failed_rows: tuple[int, ...] = ()
    found: tuple[str, ...] = ()

    def describe(self) -> str:
        """The expectation in words: `distance: values to be between {...}`."""
        rest = {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in self.expectation.arguments.items()
            if not key.startswith("column")
        }
        what = self.expectation.expect.removeprefix("expect_").removeprefix("column_").replace("_", " ")
        columns = ", ".join(self.expectation.columns())
        return (f"{columns}: " if columns else "") + what + (f" {rest}" if rest else "")


class BadExpectation(NightshiftError):
    """An expectation whose arguments Great Expectations refuses."""


def build_expectation(expectation: Expectation) -> Any:
    """The Great Expectations object; BadExpectation with its own words where the arguments are wrong."""
    try:
        arguments = {
            key: list(value) if isinstance(value, tuple) else value for key, value in expectation.arguments.items()
        }
        return get_expectation_impl(expectation.expect)(**arguments)
    except Exception as error:
        raise BadExpectation(f"expectations.yaml: {expectation.expect}: {_explain(error)}") from error


def _explain(error: Exception) -> str:
    """The first complaint about each argument; others are about forms of it that nobody writes into a file."""
    listed = getattr(error, "errors", None)
    if not callable(listed):
        return " ".join(str(error).split())
    first: dict[str, str] = {}
    for item in listed():
        first.setdefault(".".join(str(part) for part in item["loc"] if part != "__root__"), item["msg"])
    return "; ".join(": ".join(filter(None, pair)) for pair in first.items())


@dataclass(frozen=True)
class Rows:
    """What is judged: the names of all columns, the number of rows, and how some of the columns are read.

    The index of what `read` gives must count from 0.
    """

    columns: Sequence[str]
    count: int
    read: Callable[[Sequence[str]], pd.DataFrame]

    def make_frame(self, columns: Sequence[str]) -> pd.DataFrame:
        """These columns; where none is named, all of them with cells that say nothing, and take no memory."""
        if columns:
            return self.read(columns)
        cells = np.broadcast_to(np.int8(0), (self.count, len(self.columns)))
        return pd.DataFrame(cells, columns=list(self.columns), copy=False)


def run_expectations(
    rows: Rows, expectations: Sequence[Expectation], find_rows: bool = True
) -> list[ExpectationResult]:
    """Every expectation's result, in their order; with the rows that failed it, where those are looked for.

    An expectation that raises inside Great Expectations has failed, with the reason in `error`. Those that read the
    same columns share a frame, and no two frames are in memory at once.
    """
    if not expectations:
        return []
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    groups: dict[tuple[str, ...], list[int]] = {}
    for position, expectation in enumerate(expectations):
        groups.setdefault(_list_columns(expectation, rows), []).append(position)
    # Without its cache, which would keep every mask of every expectation, and give those of one frame for the next.
    engine = PandasExecutionEngine(caching=False)
    validator = Validator(engine, data_context=context)
    results: dict[int, ExpectationResult] = {}
    for columns, positions in groups.items():
        frame = rows.make_frame(columns)
        engine.load_batch_data("rows", frame)
        results |= {position: _run(validator, frame, expectations[position], find_rows) for position in positions}
        # What holds the engine holds itself, so that only the collector would let go of the frame.
        engine.load_batch_data("rows", frame.head(0).copy())
        del frame
    return [results[position] for position in range(len(expectations))]


def _list_columns(expectation: Expectation, rows: Rows) -> tuple[str, ...]:
    """The columns whose cells the expectation reads, in the rows' order.

    None where it is about the table, such as its columns' names and places: Great Expectations then looks at nothing
    else, whatever arguments there are.
    """
    domain = set(get_expectation_impl(expectation.expect).domain_keys)
    if not domain.intersection(DOMAIN):
        return ()
    named = set(expectation.columns())
    return tuple(name for name in rows.columns if name in named)


def _run(validator: Any, frame: pd.DataFrame, expectation: Expectation, find_rows: bool) -> ExpectationResult:
    """One expectation over the frame that was given straight to the engine: a batch would be hashed, for nobody."""
    configurations = validator.process_expectations_for_validation([build_expectation(expectation).configuration])
    form = WITH_ROWS if find_rows else WITHOUT_ROWS
    results = validator.graph_validate(configurations, runtime_configuration={"result_format": dict(form)})
    return _read_result(expectation, results[0] if results else None, frame)


def _read_result(expectation: Expectation, result: Any, frame: pd.DataFrame) -> ExpectationResult:
    if result is None:
        return ExpectationResult(expectation, False, error="Great Expectations gave no result")
    details = result.result or {}
    rows = tuple(int(row) for row in details.get("unexpected_index_list") or ())
    # Others than map expectations count values.
    failed = int(details.get("unexpected_count") or 0) if expectation.expect in ROW_EXPECTATIONS else 0
    found = tuple(_show_cells(frame, expectation.columns(), rows))
    observed, error = details.get("observed_value"), _find_error(result.exception_info)
    return ExpectationResult(expectation, bool(result.success), failed, observed, error, rows, found)


def _show_cells(frame: pd.DataFrame, columns: Sequence[str], rows: Sequence[int]) -> Iterator[str]:
    cells = [frame[name].iloc[list(rows)] for name in columns] if rows else []
    for row in zip(*cells, strict=True):
        yield ", ".join(str(cell)[:60] for cell in row)


def _find_error(information: Any) -> str | None:
    """The first exception's message; its shape differs between a failed metric and a failed expectation."""
    if not information:
        return None
    nested = [information] if "raised_exception" in information else list(information.values())
    for entry in nested:
        if isinstance(entry, dict) and entry.get("raised_exception"):
            return str(entry.get("exception_message")).strip()
    return None
