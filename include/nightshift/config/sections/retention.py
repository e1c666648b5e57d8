"""The section `retention` of pipeline.yaml: how long each kind of object is kept, and what must be kept in any case."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import Field

from nightshift.config.horizons import find_least_days
from nightshift.config.model import Model

if TYPE_CHECKING:
    from nightshift.config.pipeline import PipelineSpec

# What a partition consists of; `late` rows go with the raw ones that they belong to.
PARTITIONED = ("raw", "valid", "quarantine", "features", "scores")
# The least days between an object's last use and its end: attempts are refused after two.
MIN_GRACE, GRACE = 3, 7


class Retention(Model):
    """Days after which objects may be removed; null: they are kept for ever.

    A partition's age counts from the newest one, and never from before it was last written. What a model version that
    isn't retired was trained on is kept, whatever is set here; registry and history always are.
    """

    raw: int | None = Field(None, ge=1, description="Rows as they arrived, late ones included.")
    valid: int | None = Field(None, ge=1, description="Rows that passed validation.")
    quarantine: int | None = Field(None, ge=7, description="Rows that failed validation.")
    features: int | None = Field(None, ge=1, description="Features and their samples.")
    scores: int | None = Field(None, ge=1, description="Rows of `scores.NAME`, and their objects.")
    superseded: int = Field(30, ge=GRACE, description="Objects that another one has replaced in the ledger.")
    reports: int | None = Field(90, ge=GRACE, description="Drift reports; their figures are kept.")
    shadow_scores: int | None = Field(90, ge=1, description="Challengers' scores; the comparisons are kept.")
    training_sets: int = Field(30, ge=GRACE, description="Training sets; a waiting approval may need them.")
    candidates: int | None = Field(
        None, ge=30, description="Models that were never champion: they are retired and can no longer be promoted."
    )


def find_least(spec: "PipelineSpec") -> dict[str, int]:
    """The smallest number of days that each setting may have, where that depends on the rest of the file."""
    days, approval = find_least_days(spec), _count_approval_days(spec)
    partitioned = dict.fromkeys(("raw", "valid", "features", "scores", "shadow_scores"), days)
    return {**partitioned, "training_sets": approval + GRACE, "candidates": approval + 30}


def find_days(spec: "PipelineSpec", name: str) -> int | None:
    """The days that hold: defaults give way to what the pipeline needs."""
    days: int | None = getattr(spec.retention, name)
    return None if days is None else max(days, find_least(spec).get(name, 0))


def list_problems(spec: "PipelineSpec") -> Iterator[str]:
    """Settings that would remove something that is still needed."""
    for name, least in find_least(spec).items():
        days = getattr(spec.retention, name)
        if name in spec.retention.model_fields_set and days is not None and days < least:
            yield (
                f"retention.{name}: {days} days would remove what training, outcomes, drift or approvals still need; "
                f"the minimum here is {least}"
            )


def _count_approval_days(spec: "PipelineSpec") -> int:
    return 0 if spec.gate.approval == "never" else int(spec.gate.approval_hours // 24) + 1
