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
    at_least: float | None = Field(None, description="Classification: positive from this value on.")
    available_after: int = Field(
        1, ge=0, le=3650, description="Maturity in days: partition D's outcomes are known on D + this."
    )
    source: SourceSettings | None = Field(
        None,
        description="Where outcomes come from if not with the rows: it delivers the keys and the label's column, and "
        "`source` then delivers neither that nor `known_afterwards`.",
    )
    recorded_at: ColumnName | None = Field(
        None,
        description="Of several outcomes for one key the one recorded last counts; without this, the last one read.",
    )
    revised_for: int = Field(
        7, ge=0, le=366, description="So many nights after maturity outcomes are read again: they come late, or change."
    )


class Estimator(Model):
    """One kind of model and the values to search for its parameters."""

    kind: EstimatorName
    search: dict[ParameterName, Annotated[tuple[Parameter, ...], Field(min_length=1)]] = Field(
        default_factory=dict, description="Parameter of the scikit-learn estimator: values to try."
    )


class Training(Model):
    """How a candidate is made. Time splits it: folds inside the training slice, then the held-out last slice."""

    window: int = Field(60, ge=2, le=36500, description="Days of matured labels to train and evaluate on.")
    holdout: int = Field(7, ge=1, description="The last days of the window: evaluation and gate only.")
    folds: int = Field(3, ge=2, le=20, description="Time-ordered folds of the search.")
    trials: int = Field(8, ge=1, le=1000, description="How many settings the seeded search tries, over all estimators.")
    halving: int = Field(
        3, ge=2, le=10, description="Each round keeps one setting in so many, and gives it so many times the rows."
    )
    search_every: int = Field(
        0,
        ge=0,
        le=3650,
        description="Days for which later trainings fit the setting that the last search found, where pipeline.yaml is "
        "the same; 0: every training searches.",
    )
    imbalance: Literal["auto", "none", "balanced"] = Field(
        "auto", description="Classification: weigh the classes alike; `auto` tries both where one class is rare."
    )
    calibrate: Literal["auto", "none", "sigmoid", "isotonic"] = Field(
        "auto", description="Classification: correct the probabilities; `auto` does where later folds say it helps."
    )
    metric: MetricName = Field(description="What the search optimises and the gate judges.")
    seed: int = Field(7, ge=0, le=2**32 - 1)
    max_rows: int = Field(1_000_000, ge=100, description="A larger window is sampled, seeded, before fitting.")
    search_rows: int = Field(
        100_000,
        ge=100,
        description="The search, calibration and threshold see a seeded sample of at most so many of them; the chosen "
        "setting is fitted on all.",
    )
    estimators: tuple[Estimator, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _holdout_within_window(self) -> Self:
        if self.holdout >= self.window:
            raise ValueError(f"holdout ({self.holdout}) must be shorter than window ({self.window})")
        return self
