"""Great Expectations: runs a suite over a frame in an ephemeral context. Nothing is written, nothing phones home."""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")

import great_expectations as gx
import pandas as pd
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.expectations.registry import get_expectation_impl

from include.config.expectations import Expectation
from include.errors import NightshiftError

logging.getLogger("great_expectations").setLevel(logging.ERROR)
# It sets a level of its own, and tells of a folder for every context.
logging.getLogger("great_expectations.data_context.types.base").setLevel(logging.ERROR)


@dataclass(frozen=True)
class ExpectationResult:
    """One expectation's verdict: the positions of the rows that failed it (map expectations), or what was observed."""

    expectation: Expectation
    success: bool
    failed_rows: tuple[int, ...]
    observed: Any
    error: str | None

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


def build_expectation(expectation: Expectation, position: int = 0) -> Any:
    """The Great Expectations object; BadExpectation with its own words where the arguments are wrong."""
    try:
        arguments = {
            key: list(value) if isinstance(value, tuple) else value for key, value in expectation.arguments.items()
        }
        return get_expectation_impl(expectation.expect)(**arguments, meta={"position": position})
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


def run_expectations(frame: pd.DataFrame, expectations: Sequence[Expectation]) -> list[ExpectationResult]:
    """Every expectation's result, in their order. The frame's index must count from 0.

    An expectation that raises inside Great Expectations has failed, with the reason in `error`.
    """
    if not expectations:
        return []
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    asset = context.data_sources.add_pandas("source").add_dataframe_asset("rows")
    batch = asset.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": frame})
    suite = gx.ExpectationSuite(
        name="suite", expectations=[build_expectation(item, position) for position, item in enumerate(expectations)]
    )
    validated = batch.validate(suite, result_format={"result_format": "COMPLETE", "include_unexpected_rows": False})
    results = {result.expectation_config.meta["position"]: result for result in validated.results}
    return [_read_result(item, results.get(position)) for position, item in enumerate(expectations)]


def _read_result(expectation: Expectation, result: Any) -> ExpectationResult:
    if result is None:
        return ExpectationResult(expectation, False, (), None, "Great Expectations gave no result")
    details = result.result or {}
    error = _find_error(result.exception_info)
    rows = tuple(int(row) for row in details.get("unexpected_index_list") or ())
    return ExpectationResult(expectation, bool(result.success), rows, details.get("observed_value"), error)


def _find_error(information: Any) -> str | None:
    """The first exception's message; its shape differs between a failed metric and a failed expectation."""
    if not information:
        return None
    nested = [information] if "raised_exception" in information else list(information.values())
    for entry in nested:
        if isinstance(entry, dict) and entry.get("raised_exception"):
            return str(entry.get("exception_message")).strip()
    return None
