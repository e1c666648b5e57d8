"""The sections `label` and `training` of pipeline.yaml: how a candidate is made."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from nightshift.config.choices import EstimatorName, MetricName
from nightshift.config.model import Model, Parameter, ParameterName
from nightshift.config.names import ColumnName
from nightshift.config.sections.source import SourceSettings


class Label(Model):
    """The outcome to predict. It is read again to train and to measure, since it arrives after the rows."""

    column: ColumnName
    positive_from: float | None = Field(None, description="Classification: the outcome is positive from this value on.")
    available_after_days: int = Field(
        1, ge=0, le=3650, description="Maturity in days: partition D's outcomes are known on D + this."
    )
    source: SourceSettings | None = Field(
        None,
        description="Where outcomes come from if not with the rows: it delivers the keys and the label's column, and "
        "`source` then delivers neither that nor `known_afterwards`.",
    )
    recorded_at: ColumnName | None = Field(
        None,
        description="Of several outcomes for one key, the one recorded last counts; without this, the last one read.",
    )
    revised_for_days: int = Field(
        7,
        ge=0,
        le=366,
        description="Days after maturity during which outcomes are read again, since they may arrive late or change.",
    )


class Estimator(Model):
    """One kind of model and the values to search for its parameters."""

    kind: EstimatorName
    search: dict[ParameterName, Annotated[tuple[Parameter, ...], Field(min_length=1)]] = Field(
        default_factory=dict, description="Parameter of the scikit-learn estimator: values to try."
    )


class Training(Model):
    """How a candidate is made. Time splits it: folds inside the training slice, then the held-out last slice."""

    window_days: int = Field(60, ge=2, le=36500, description="Days of matured labels to train and evaluate on.")
    holdout_days: int = Field(7, ge=1, description="The last days of the window: evaluation and gate only.")
    folds: int = Field(3, ge=2, le=20, description="Time-ordered folds of the search.")
    trials: int = Field(
        8,
        ge=1,
        le=1000,
        description="How many hyperparameter combinations the seeded search tries, over all estimators.",
    )
    halving: int = Field(
        3,
        ge=2,
        le=10,
        description="Each round keeps one in this many combinations, and gives it this many times the rows.",
    )
    search_every_days: int = Field(
        0,
        ge=0,
        le=3650,
        description="Days for which later trainings reuse the hyperparameters that the last search found, while "
        "pipeline.yaml is the same; 0: every training searches.",
    )
    imbalance: Literal["auto", "none", "balanced"] = Field(
        "auto",
        description="Classification: weigh both classes equally; `auto` tries both ways where one class is rare.",
    )
    calibrate: Literal["auto", "none", "sigmoid", "isotonic"] = Field(
        "auto",
        description="Classification: calibrate the probabilities; `auto` does so where later folds show that it helps.",
    )
    metric: MetricName = Field(description="What the search optimises and the gate evaluates.")
    seed: int = Field(7, ge=0, le=2**32 - 1)
    max_rows: int = Field(1_000_000, ge=100, description="A window with more rows is sampled, seeded, before fitting.")
    search_rows: int = Field(
        100_000,
        ge=100,
        description="Search, calibration and threshold see a seeded sample of up to this many rows; the chosen "
        "hyperparameters are fitted on all.",
    )
    estimators: tuple[Estimator, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _holdout_within_window(self) -> Self:
        if self.holdout_days >= self.window_days:
            raise ValueError(
                f"holdout_days ({self.holdout_days}) must be shorter than window_days ({self.window_days})"
            )
        return self
