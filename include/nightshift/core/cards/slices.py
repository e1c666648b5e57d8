"""The gate's comparison per group of rows, as a card shows it."""

from typing import Any

from nightshift.config.pipeline import PipelineSpec
from nightshift.core.cards.card_inputs import Record
from nightshift.core.cards.gate import list_rules
from nightshift.core.gate.rule import find_figures, find_record

MAX_GROUPS = 200


def describe_slices(decision: Record | None, spec: PipelineSpec) -> dict[str, Any]:
    """What was asked for, the rule's own words, and one record per judged group of rows."""
    rule = find_record(list_rules(decision), "slices")
    figures = find_figures(list_rules(decision), "slices")
    records = figures.get("slices") or []
    return {
        "columns": list(spec.gate.slices.columns),
        "find_weak": spec.gate.slices.find_weak,
        "min_rows": spec.gate.slices.min_rows,
        "passed": rule["passed"] if rule else None,
        "reason": rule["reason"] if rule else None,
        "margin": figures.get("margin"),
        "groups": [_describe_group(record) for record in records[:MAX_GROUPS]],
    }


def _describe_group(record: Record) -> dict[str, Any]:
    """A group that could not be judged lacks some figures, and has a reason instead."""
    known = ("rows", "candidate", "champion", "gain", "gain_low", "gain_high", "verdict", "passed", "reason")
    return {
        "name": record["slice"],
        "how": "found weak" if record.get("found") else "configured",
        **{name: record.get(name) for name in known},
    }
