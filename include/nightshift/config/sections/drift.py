"""The section `drift` of pipeline.yaml: what a drift run compares, and what counts as drift."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from nightshift.config.choices import DriftMeasureName
from nightshift.config.model import Model
from nightshift.extension.drift_measures import DRIFT_MEASURES, DriftMeasure

Reference = Literal["training", "weekday", "season"]


class Drift(Model):
    """What the drift run compares with what the champion was trained on, and its limits."""

    window_days: int = Field(3, ge=1, le=366, description="How many days are compared, up to the run's own.")
    reference: Reference = Field(
        "training",
        description="Compared with: a sample of what the champion was `training` on; that sample with the window's own "
        "mix of `weekday`s and hours; or the same days a year earlier (`season`), where the lake has them.",
    )
    sample_rows: int = Field(
        10_000, ge=100, le=100_000, description="Up to this many rows of either side are compared."
    )
    min_rows: int = Field(
        200,
        ge=10,
        description="With fewer rows the window reaches further back; if that is not enough, the result is unknown.",
    )
    column_limit: float = Field(
        0.1, gt=0, lt=1, description="A column, or the score, has drifted from this distance on."
    )
    missing_limit: float = Field(
        0.1, gt=0, le=1, description="A column has also drifted where its share of missing values rose by this much."
    )
    new_limit: float = Field(
        0.05, gt=0, le=1, description="A column has also drifted where new categories have this share of the rows."
    )
    limits: dict[DriftMeasureName, Annotated[float, Field(gt=0)]] = Field(
        default_factory=dict, description="Limits of a project's own measures, by name; without one, the measure's own."
    )
    share_limit: float = Field(
        0.3,
        gt=0,
        le=1,
        description="The pipeline has drifted where the drifted columns carry this share of the champion's importance.",
    )

    def find_limit(self, measure: DriftMeasure) -> float:
        """From where on a column has moved by this measure."""
        if measure.limit_field:
            return float(getattr(self, measure.limit_field))
        return self.limits.get(measure.name, measure.limit)

    @model_validator(mode="after")
    def _limits_of_own_measures(self) -> Self:
        for name in self.limits:
            if field := DRIFT_MEASURES.find(name).limit_field:
                raise ValueError(f"limits: the limit of {name} is {field}")
        return self
