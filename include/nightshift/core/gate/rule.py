"""One rule's result, and the lookup of one among many."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from nightshift.config.json_values import without_nan

# Rules of ours that other code looks up; a further floor is called floor_METRIC, a project's own as it likes.
RuleName = Literal[
    "min_rows", "features", "reload", "predictor", "sanity", "floor", "baseline", "leakage", "calibration", "gap",
    "champion", "slices",
]  # fmt: skip


@dataclass(frozen=True)
class Rule:
    """`passed` is None where it could not be judged, which keeps the champion; `figures` may be nested."""

    name: str
    passed: bool | None
    figures: dict[str, Any]
    reason: str

    def to_record(self) -> dict[str, Any]:
        """As plain values for ml.gate_decisions.rules; what is not a finite number becomes null."""
        return {
            "name": self.name,
            "passed": self.passed,
            "figures": without_nan(self.figures),
            "reason": self.reason,
        }


def find_rule(rules: Iterable[Rule], name: RuleName) -> Rule | None:
    """The rule's result, or None where it was not checked."""
    return next((rule for rule in rules if rule.name == name), None)


def find_record(records: Iterable[Mapping[str, Any]], name: RuleName) -> Mapping[str, Any] | None:
    """As `find_rule`, among what `to_record` made."""
    return next((record for record in records if record["name"] == name), None)


def find_figures(records: Iterable[Mapping[str, Any]], name: RuleName) -> Mapping[str, Any]:
    """The rule's figures, from its record; empty where it was not checked."""
    record = find_record(records, name)
    return record["figures"] if record else {}
