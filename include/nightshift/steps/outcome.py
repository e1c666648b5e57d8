"""What a step says when it is through. A bad batch or a failed gate is an outcome; only misconfiguration raises."""

from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Outcome:
    """`done`, `stopped` (what came in must not go on) or `skipped` (nothing to do), the reason, and the figures.

    The figures are plain values: they travel between tasks and end in the JSON summary of the command line.
    """

    status: Literal["done", "stopped", "skipped"]
    reason: str = ""
    figures: dict[str, Any] = field(default_factory=dict)
