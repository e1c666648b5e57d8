"""One rule's verdict."""

from dataclasses import dataclass
from typing import Any

from nightshift.config.json_values import without_nan


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
