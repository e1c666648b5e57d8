"""Limits that a pipeline can never meet with the rows that its days can have: told before the first night."""

from nightshift.config.horizons import REACH_DAYS
from nightshift.config.pipeline import PipelineSpec

Location = tuple[str | int, ...]


def list_shortages(spec: PipelineSpec, rows_a_day: int | None) -> dict[Location, str]:
    """Which limit no window can reach with at most so many rows a day, and why; nothing where they are not known."""
    if rows_a_day is None:
        return {}
    held_out, reach = spec.training.holdout_days, REACH_DAYS
    limits: dict[Location, tuple[int, int, str]] = {
        ("gate", "min_rows"): (spec.gate.min_rows, held_out, "no candidate can be promoted: raise holdout_days"),
        ("drift", "min_rows"): (spec.drift.min_rows, reach, "drift is always unknown: lower it"),
        ("retrain", "performance", "min_rows"): (
            spec.retrain.performance.min_rows,
            reach,
            "performance is never evaluated: lower it",
        ),
    }
    if spec.gate.slices.columns:
        least = spec.gate.slices.min_rows
        limits["gate", "slices", "min_rows"] = (
            least,
            held_out,
            "no slice is evaluated: lower it, or raise holdout_days",
        )
    return {
        place: f"is {least}, and {days} days of at most {rows_a_day} rows have {days * rows_a_day}, so {outcome}"
        for place, (least, days, outcome) in limits.items()
        if days * rows_a_day < least
    }
