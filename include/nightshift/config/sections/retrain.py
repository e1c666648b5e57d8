"""The section `retrain` of pipeline.yaml: what triggers a retraining, and what holds one back."""

from typing import Literal, Self

from pydantic import Field, model_validator

from nightshift.config.model import Model


class Tolerance(Model):
    """How much worse than its held-out evaluation the champion may perform."""

    window_days: int = Field(
        7, ge=1, le=366, description="How many of the last days with known outcomes are evaluated together."
    )
    min_rows: int = Field(200, ge=20, description="With fewer rows the window reaches further back.")
    tolerance: float = Field(
        0.1,
        gt=0,
        description="Allowed rise of the error (1 - ROC AUC, 1 - R², RMSE …), as a share of the held-out error.",
    )
    estimated: bool = Field(
        True,
        description="Classification: where outcomes are not known yet, use the estimate if earlier ones were right.",
    )


class Retrain(Model):
    """Drift, performance and age are triggers. The rest are guards: each of them can hold a retraining back."""

    min_drifted_runs: int = Field(
        2,
        ge=1,
        description="Drift is a trigger when at least this many of the last `recent_runs` drift runs found it.",
    )
    recent_runs: int = Field(
        3, ge=1, le=366, description="How many of the last drift runs are counted for `min_drifted_runs`."
    )
    harmless_drift: Literal["retrain", "wait"] = Field(
        "retrain",
        description="`wait`: drift is no trigger while the outcomes of the compared days are known and the champion is "
        "within its performance tolerance.",
    )
    performance: Tolerance = Tolerance()
    max_age_days: int | None = Field(
        7,
        ge=1,
        description="Age is a trigger when the outcomes of at least this number of days are newer than those that the "
        "champion was evaluated on; empty: it never is.",
    )
    cooldown_days: int = Field(7, ge=0, le=3650, description="Days to wait after a training that the policy asked for.")
    cooldown_factor: float = Field(
        2.0,
        ge=1,
        le=10,
        description="The cooldown is multiplied by this for each training in a row without improvement, except while "
        "outcomes prove that the champion is below tolerance.",
    )
    max_cooldown_days: int = Field(
        180,
        ge=0,
        le=3650,
        description="The cooldown never exceeds this, however many trainings brought no improvement.",
    )
    budget: int = Field(1, ge=1, description="Trainings that the policy may ask for on one calendar day.")
    min_new_labels: int = Field(
        200, ge=1, description="Rows whose outcomes must have become known since the last training, promoted or not."
    )
    expires_hours: float = Field(
        20, gt=0, le=24 * 90, description="Hours after which a training that has not reported an end is given up."
    )

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.min_drifted_runs > self.recent_runs:
            raise ValueError(
                f"min_drifted_runs ({self.min_drifted_runs}) can't be more than recent_runs ({self.recent_runs})"
            )
        if self.cooldown_days > self.max_cooldown_days:
            raise ValueError(
                f"cooldown_days ({self.cooldown_days}) is longer than max_cooldown_days ({self.max_cooldown_days})"
            )
        return self
