"""One rule's verdict."""

import math
from dataclasses import dataclass
from typing import Any


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
            "figures": _to_plain(self.figures),
            "reason": self.reason,
        }


def _to_plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _to_plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_to_plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
