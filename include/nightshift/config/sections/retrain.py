"""The section `retrain` of pipeline.yaml: what leads to a retraining, and what holds one back."""

from typing import Literal, Self

from pydantic import Field, model_validator

from nightshift.config.model import Model


class Band(Model):
    """How much worse than promised the champion may do."""

    window: int = Field(7, ge=1, le=366, description="The last nights with known outcomes, taken together.")
    min_rows: int = Field(200, ge=20, description="With fewer rows the window reaches further back.")
    tolerance: float = Field(
        0.1,
        gt=0,
        description="Allowed rise of the error (1 - ROC AUC, 1 - R², RMSE …), as a share of the promised one.",
    )
    estimated: bool = Field(
        True, description="Classification: also use the estimate, where outcomes are not known and it proved right."
    )


class Retrain(Model):
    """Drift, performance and age are causes. The rest are guards: each of them can hold a retraining back."""

    nights: int = Field(2, ge=1, description="Drift is a cause when so many …")
    of: int = Field(3, ge=1, le=366, description="… of the last so many drift runs found it.")
    harmless_drift: Literal["retrain", "wait"] = Field(
        "retrain",
        description="`wait`: drift is no cause while outcomes reach into the compared nights, and the champion is "
        "within its band.",
    )
    performance: Band = Band()
    max_age: int | None = Field(
        None, ge=1, description="Days since the last one that the champion was judged on; empty: no age is too old."
    )
    cooldown: int = Field(7, ge=0, le=3650, description="Days after a training that the policy asked for.")
    backoff: float = Field(
        2.0,
        ge=1,
        le=10,
        description="Each training in a row that did not prove better lengthens the cooldown so often.",
    )
    longest_cooldown: int = Field(180, ge=0, le=3650, description="However many trainings did not prove better.")
    budget: int = Field(1, ge=1, description="Trainings that the policy may ask for on one day of the calendar.")
    min_new_labels: int = Field(
        200, ge=1, description="Rows whose outcomes became known since the last training, promoted or not."
    )
    expires: float = Field(
        20, gt=0, le=24 * 90, description="Hours after which a training that nobody heard of again is given up."
    )

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.nights > self.of:
            raise ValueError(f"nights ({self.nights}) can't be more than of ({self.of})")
        if self.cooldown > self.longest_cooldown:
            raise ValueError(f"cooldown ({self.cooldown}) is longer than longest_cooldown ({self.longest_cooldown})")
        return self
