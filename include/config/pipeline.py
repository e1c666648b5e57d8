"""pipeline.yaml as frozen, strict models: everything about one pipeline that someone may tune."""

import re
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from croniter import croniter
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from include.config.expectations import ExpectationSuite
from include.config.names import ColumnName, Identifier

Task = Literal["classification", "regression"]
ColumnType = Literal["text", "integer", "number", "boolean", "date", "timestamp"]
CLASSIFICATION_METRICS = ("roc_auc", "average_precision", "log_loss", "brier")
REGRESSION_METRICS = ("r2", "rmse", "mae")
Metric = Literal["roc_auc", "average_precision", "log_loss", "brier", "r2", "rmse", "mae"]
# Columns that Nightshift itself writes beside the keys.
SCORE_COLUMNS = ("partition_date", "score", "decision", "model_version", "scored_at")
PASSWORD_IN_URL = re.compile(r"(?<=://)[^/@\s]*:[^/@\s]+(?=@)")
SECRET_NAME = re.compile(r"pass(word|wd)?$|secret|token|api_?key", re.IGNORECASE)


def check_cron(value: str) -> str:
    """Return `value` if it is a cron expression of five fields; ValueError otherwise."""
    if len(value.split()) != 5 or not croniter.is_valid(value):
        raise ValueError("must be a cron expression of five fields, as in '0 2 * * *'")
    return value


def check_no_secret(value: str) -> str:
    """Return `value` unless it carries a password; ValueError otherwise."""
    if PASSWORD_IN_URL.search(value):
        raise ValueError("carries a password; keep secrets in a connection and name the connection here")
    return value


Cron = Annotated[str, AfterValidator(check_cron)]
Address = Annotated[str, Field(min_length=1), AfterValidator(check_no_secret)]
ParameterName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Parameter = str | int | float | bool | None


class Model(BaseModel):
    """Frozen and strict: unknown keys, wrong types and NaN are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class PartitionColumn(Model):
    """The column that says to which day a row of a shared file belongs."""

    column: ColumnName
    format: str = Field("%Y-%m-%d", min_length=2, description="How the date is written at the start of the value.")


class FileSource(Model):
    """Rows from files: CSV, Parquet or JSONL; in a folder, on S3 or behind HTTP."""

    kind: Literal["files"]
    path: Address = Field(
        description="A path, `s3://bucket/key` or `https://…`; may hold `*`. `{data}` is the folder NIGHTSHIFT_DATA, "
        "`{partition}` the partition's date (`{partition:%Y/%m/%d}` for another way to write it)."
    )
    format: Literal["csv", "parquet", "jsonl"] | None = Field(None, description="Known from the file's name otherwise.")
    delimiter: str = Field(",", min_length=1, max_length=1, description="Between the fields of a CSV file.")
    null_values: tuple[str, ...] = Field(
        ("", "NA", "NULL", "null", "NaN", "nan"), description="Texts that stand for a missing value."
    )
    partition_by: PartitionColumn | None = Field(
        None, description="For files that hold many days. Without it, `{partition}` must be in `path`."
    )
    connection: str | None = Field(None, description="The connection for S3 or HTTP, from airflow_settings.yaml.")

    @model_validator(mode="after")
    def _one_way_to_partition(self) -> Self:
        if ("{partition" in self.path) == (self.partition_by is not None):
            raise ValueError("say the partition exactly once: {partition} in path, or partition_by")
        return self


class SqlSource(Model):
    """Rows from a query on any database that SQLAlchemy reaches."""

    kind: Literal["sql"]
    query: str = Field(
        min_length=1, description="Binds `:partition_start` and `:partition_end` (a day, the end not included)."
    )
    connection: str | None = Field(None, description="A connection from airflow_settings.yaml; or give `url`.")
    url: Address | None = Field(None, description="A SQLAlchemy URL without a password; or give `connection`.")

    @model_validator(mode="after")
    def _bounded_and_addressed(self) -> Self:
        missing = [name for name in ("partition_start", "partition_end") if f":{name}" not in self.query]
        if missing:
            raise ValueError(f"query must bind {' and '.join(':' + name for name in missing)}")
        if (self.connection is None) == (self.url is None):
            raise ValueError("give either connection or url")
        return self


class PythonSource(Model):
    """Rows from a function of the pipeline's own folder: `function(partition: date, **params) -> DataFrame`."""

    kind: Literal["python"]
    function: str = Field(
        pattern=r"^[a-z_][a-z0-9_]*\.py:[a-z_][a-z0-9_]*$",
        description="`file.py:function`, in the pipeline's own folder.",
    )
    params: dict[Identifier, Parameter] = Field(
        default_factory=dict, description="Passed by name; shown as a form when the ingest DAG is triggered."
    )
    choices: dict[Identifier, tuple[Parameter, ...]] = Field(
        default_factory=dict, description="The values that a param may take, for the form."
    )

    @model_validator(mode="after")
    def _no_secret_and_known_choices(self) -> Self:
        for name in self.params:
            if name == "partition":
                raise ValueError("params.partition: the partition is passed already; choose another name")
            if SECRET_NAME.search(name):
                raise ValueError(f"params.{name} looks like a secret; keep it in a connection")
        for name, values in self.choices.items():
            if name not in self.params:
                raise ValueError(f"choices.{name} names no param")
            if self.params[name] not in values:
                raise ValueError(f"params.{name} is {self.params[name]!r}, which is not among choices.{name}")
        return self


Source = Annotated[FileSource | SqlSource | PythonSource, Field(discriminator="kind")]


class Label(Model):
    """The outcome to predict. It is read again from the source when training, since it arrives after the rows."""

    column: ColumnName
    at_least: float | None = Field(None, description="Classification: positive from this value on.")
    available_after: int = Field(
        1, ge=0, le=3650, description="Maturity in days: partition D's outcomes are known on D + this."
    )


class ReferenceTable(Model):
    """A small table that is looked up by key, such as planes by tail number."""

    path: Address
    key: ColumnName = Field(description="The column of this table that is looked up.")
    column: ColumnName = Field(description="The column of the rows that holds the key.")
    columns: dict[ColumnName, Identifier] = Field(min_length=1, description="What to take, and under which name.")
    types: dict[ColumnName, ColumnType] = Field(default_factory=dict, description="Columns that are not text.")
    delimiter: str = Field(",", min_length=1, max_length=1)
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
    at_least: float | None = Field(None, description="Take the share of values that reach this instead of the values.")


Derived = Annotated[
    CalendarFeature | ClockFeature | DifferenceFeature | RatioFeature | RollingFeature, Field(discriminator="kind")
]


class Features(Model):
    """What the model sees. A `features.py` in the folder may add columns: `build_features(rows, history)`."""

    numeric: tuple[Identifier, ...] = Field(())
    categorical: tuple[Identifier, ...] = Field(())
    derived: tuple[Derived, ...] = Field((), description="Columns computed from the source's columns.")
    tables: dict[Identifier, ReferenceTable] = Field(default_factory=dict)
    lookback: int = Field(0, ge=0, le=366, description="Earlier partitions that features.py sees as `history`.")

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


class Estimator(Model):
    """One kind of model and the values to search for its parameters."""

    kind: Literal["logistic", "ridge", "random_forest", "hist_gradient_boosting"]
    search: dict[ParameterName, tuple[float | int | str | bool | None, ...]] = Field(
        default_factory=dict, description="Parameter of the scikit-learn estimator: values to try."
    )


class Training(Model):
    """How a candidate is made. Time splits it: folds inside the training slice, then the held-out last slice."""

    window: int = Field(60, ge=2, le=36500, description="Days of matured labels to train and evaluate on.")
    holdout: int = Field(7, ge=1, description="The last days of the window: evaluation and gate only.")
    folds: int = Field(3, ge=2, le=20, description="Time-ordered folds of the search.")
    trials: int = Field(8, ge=1, le=1000, description="How many settings the seeded search tries, over all estimators.")
    metric: Metric = Field(description="What the search optimises and the gate judges.")
    seed: int = Field(7, ge=0)
    max_rows: int = Field(1_000_000, ge=100, description="A larger window is sampled, seeded, before fitting.")
    estimators: tuple[Estimator, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _holdout_within_window(self) -> Self:
        if self.holdout >= self.window:
            raise ValueError(f"holdout ({self.holdout}) must be shorter than window ({self.window})")
        return self


class Gate(Model):
    """When a candidate may take over. All rules are about `training.metric` on the held-out rows."""

    floor: float = Field(description="At least this good (at most, for an error).")
    baseline_margin: float = Field(0.0, ge=0, description="Better than the naive baseline by at least this.")
    champion_margin: float = Field(0.0, ge=0, description="Not worse than the champion by more than this.")
    min_rows: int = Field(200, ge=1, description="With fewer held-out rows the champion stays.")


class Scoring(Model):
    """How scores are made and written."""

    threshold: float = Field(0.5, gt=0, lt=1, description="Classification: `decision` is true from this score on.")
    batch_rows: int = Field(65_536, ge=1, le=10_000_000, description="Rows predicted at once.")


class Drift(Model):
    """What is compared, and when it leads to a retraining."""

    window: int = Field(3, ge=1, le=366, description="The last partitions that are compared.")
    sample_rows: int = Field(5_000, ge=100, le=100_000, description="At most so many rows of either side.")
    min_rows: int = Field(200, ge=10, description="With fewer rows the verdict is unknown.")
    column_limit: float = Field(0.1, gt=0, lt=1, description="A column drifted from this distance on.")
    share_limit: float = Field(0.3, gt=0, le=1, description="Retrain when this share of the columns drifted.")
    cooldown: int = Field(3, ge=0, le=3650, description="Days after a drift-caused training without another.")


class Schedules(Model):
    """Cron expressions, read in `timezone`."""

    ingest: Cron = "0 2 * * *"
    drift: Cron = "0 5 * * *"
    train: Cron | None = Field(None, description="A training on its own, slower schedule; by hand or drift otherwise.")
    timezone: str = "UTC"

    @model_validator(mode="after")
    def _known_timezone(self) -> Self:
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"no time zone is called {self.timezone!r}") from error
        return self


class PipelineSpec(Model):
    """The content of pipeline.yaml."""

    title: str = Field(min_length=1, max_length=120)
    description: str = Field("", description="Shown with the DAGs, in Markdown.")
    owner: str = Field("nightshift", min_length=1, description="Who to ask.")
    simulated: bool = Field(False, description="Says plainly that the data are made up.")
    start: date = Field(description="The first partition that exists.")
    task: Task
    source: Source
    columns: dict[ColumnName, ColumnType] = Field(min_length=1, description="What the source must deliver.")
    keys: tuple[Identifier, ...] = Field(min_length=1, description="Unique within a partition.")
    event_time: ColumnName | None = Field(None, description="The column that says when a row happened.")
    label: Label
    known_afterwards: tuple[ColumnName, ...] = Field(
        (), description="Columns known only after the event, with the label: never a feature."
    )
    features: Features
    training: Training
    gate: Gate
    scoring: Scoring = Scoring()
    drift: Drift = Drift()
    schedules: Schedules = Schedules()

    @property
    def afterwards(self) -> frozenset[str]:
        """Every column that is not known when the row is scored."""
        return frozenset((*self.known_afterwards, self.label.column))

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problems = [*self._unknown_columns(), *self._leaks(), *self._task_problems()]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _unknown_columns(self) -> list[str]:
        named: dict[str, tuple[str, ...]] = {
            "keys": self.keys,
            "event_time": (self.event_time,) if self.event_time else (),
            "label.column": (self.label.column,),
            "known_afterwards": self.known_afterwards,
            "features.tables.column": tuple(table.column for table in self.features.tables.values()),
            "features.derived (rolling)": tuple(
                name for feature in self.features.rolling for name in (feature.column, *feature.by)
            ),
        }
        if isinstance(self.source, FileSource) and self.source.partition_by:
            named["source.partition_by.column"] = (self.source.partition_by.column,)
        return [
            f"{where}: {name!r} is not among columns"
            for where, names in named.items()
            for name in names
            if name not in self.columns
        ]

    def _leaks(self) -> list[str]:
        derived = {f.name: f for f in self.features.derived if not isinstance(f, RollingFeature)}
        problems = [
            f"features: {name!r} is known only afterwards, so it can't be a feature"
            for name in self.features.names
            if name in self.afterwards
        ]
        for name, feature in derived.items():
            used = set(feature.model_dump(exclude={"kind", "name", "part"}).values()) & self.afterwards
            problems += [f"features.derived.{name}: {column!r} is known only afterwards" for column in sorted(used)]
        problems += [f"keys: {name!r} is known only afterwards" for name in self.keys if name in self.afterwards]
        return problems

    def _task_problems(self) -> list[str]:
        classify = self.task == "classification"
        problems = [f"keys: {name!r} is a column that Nightshift writes" for name in self.keys if name in SCORE_COLUMNS]
        metrics = CLASSIFICATION_METRICS if classify else REGRESSION_METRICS
        if self.training.metric not in metrics:
            problems.append(f"training.metric: {self.task} is judged by {', '.join(metrics)}")
        wrong = {"ridge"} if classify else {"logistic"}
        problems += [
            f"training.estimators: {e.kind} is not for {self.task}" for e in self.training.estimators if e.kind in wrong
        ]
        if not classify and self.label.at_least is not None:
            problems.append("label.at_least is for classification")
        repeated = {name for name in self.keys if self.keys.count(name) > 1}
        problems += [f"keys: {name!r} is named more than once" for name in sorted(repeated)]
        return problems


class PipelineConfig(Model):
    """One pipeline: its name, its folder, pipeline.yaml, expectations.yaml and the hash of both."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    name: str
    folder: Path
    spec: PipelineSpec
    expectations: ExpectationSuite
    config_sha256: str

    @property
    def features_module(self) -> Path | None:
        """The pipeline's features.py, where it has one."""
        path = self.folder / "features.py"
        return path if path.is_file() else None

    def describe(self) -> dict[str, Any]:
        """Title, owner and kind, for pages and docs."""
        return {"title": self.spec.title, "owner": self.spec.owner, "simulated": self.spec.simulated}
