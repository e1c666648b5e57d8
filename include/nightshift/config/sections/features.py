"""The section `features` of pipeline.yaml: what the model sees."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from nightshift.config.model import Address, ColumnType, Delimiter, Model
from nightshift.config.names import ColumnName, Identifier


class ReferenceTable(Model):
    """A small table that is looked up by key, such as planes by tail number."""

    path: Address
    key: ColumnName = Field(description="The column of this table that is looked up.")
    column: ColumnName = Field(description="The column of the rows that holds the key.")
    columns: dict[ColumnName, Identifier] = Field(min_length=1, description="What to take, and under which name.")
    types: dict[ColumnName, ColumnType] = Field(default_factory=dict, description="Columns that are not text.")
    delimiter: Delimiter = ","
    null_values: tuple[str, ...] = Field(("", "NA"))


class CalendarFeature(Model):
    """A part of a date or timestamp column."""

    kind: Literal["calendar"]
    name: Identifier
    column: ColumnName
    part: Literal["hour", "minute_of_day", "weekday", "month", "day_of_year", "is_weekend"]


class ClockFeature(Model):
    """Minutes since midnight of a clock time written as an integer HHMM (2400 is midnight)."""

    kind: Literal["clock"]
    name: Identifier
    column: ColumnName


class DifferenceFeature(Model):
    """`left - right`."""

    kind: Literal["difference"]
    name: Identifier
    left: ColumnName
    right: ColumnName


class RatioFeature(Model):
    """`numerator / denominator`; missing where the denominator is 0."""

    kind: Literal["ratio"]
    name: Identifier
    numerator: ColumnName
    denominator: ColumnName


class RollingFeature(Model):
    """A statistic over the rows of the last partitions that share the values of `by`.

    Point in time: partition D sees partitions before D; a label or `known_afterwards` column only those that had
    matured when D began.
    """

    kind: Literal["rolling"]
    name: Identifier
    column: ColumnName
    by: tuple[ColumnName, ...] = Field(())
    days: int = Field(ge=1, le=366)
    statistic: Literal["mean", "sum", "count", "min", "max"] = "mean"
    share_from: float | None = Field(
        None, description="Use the share of values that are at least this, instead of the values."
    )


Derived = Annotated[
    CalendarFeature | ClockFeature | DifferenceFeature | RatioFeature | RollingFeature, Field(discriminator="kind")
]


class Features(Model):
    """What the model sees. A `features.py` in the folder may add columns: `build_features(rows, history)`."""

    numeric: tuple[Identifier, ...] = Field(())
    categorical: tuple[Identifier, ...] = Field(())
    derived: tuple[Derived, ...] = Field((), description="Columns computed from the source's columns.")
    tables: dict[Identifier, ReferenceTable] = Field(default_factory=dict)
    lookback_days: int = Field(0, ge=0, le=366, description="How many earlier days features.py sees as `history`.")

    @property
    def names(self) -> tuple[str, ...]:
        """All features, numeric ones first: the model's columns in order."""
        return self.numeric + self.categorical

    @property
    def rolling(self) -> tuple[RollingFeature, ...]:
        """The derived features that look back."""
        return tuple(feature for feature in self.derived if isinstance(feature, RollingFeature))

    @model_validator(mode="after")
    def _some_and_distinct(self) -> Self:
        if not self.names:
            raise ValueError("name at least one numeric or categorical feature")
        repeated = sorted({name for name in self.names if self.names.count(name) > 1})
        if repeated:
            raise ValueError(f"named more than once: {', '.join(repeated)}")
        return self
