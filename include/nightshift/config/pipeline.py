"""pipeline.yaml as frozen, strict models: everything about one pipeline that someone may tune."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any, Self

from pydantic import ConfigDict, Field, model_validator

from nightshift.config.choices import TaskName
from nightshift.config.days import EARLIEST, LATEST
from nightshift.config.expectations import ExpectationSuite
from nightshift.config.model import ColumnType, Inconsistent, Model
from nightshift.config.names import ColumnName, Identifier, Line
from nightshift.config.renamed import rename_fields
from nightshift.config.sections.alerts import Alerts
from nightshift.config.sections.card import Card
from nightshift.config.sections.decision import DecisionRule, FixedThreshold
from nightshift.config.sections.drift import Drift
from nightshift.config.sections.features import Features, RollingFeature
from nightshift.config.sections.gate import Gate
from nightshift.config.sections.inputs import list_input_problems
from nightshift.config.sections.retention import Retention, list_problems
from nightshift.config.sections.retrain import Retrain
from nightshift.config.sections.schedules import Schedules
from nightshift.config.sections.schema_contract import SchemaContract
from nightshift.config.sections.source import SourceSettings
from nightshift.config.sections.training import Label, Training
from nightshift.extension.estimators import ESTIMATORS
from nightshift.extension.metrics import choose_metrics, list_metrics
from nightshift.extension.tasks import find_task

# Columns that Nightshift itself writes beside the keys, with those of the pipeline's task.
SCORE_COLUMNS = ("partition_date", "score", "model_version", "scored_at")


class Scoring(Model):
    """How scores are made and written."""

    threshold: float | None = Field(
        None, gt=0, lt=1, description="Classification: `decision` is true from this score on; short for a fixed rule."
    )
    decision: DecisionRule | None = Field(
        None, description="Classification: how the threshold is chosen when a model is trained; 0.5 otherwise."
    )
    batch_rows: int = Field(65_536, ge=1, le=10_000_000, description="Rows predicted at once.")
    shard_rows: int | None = Field(
        None,
        ge=1,
        description="A partition with more rows is scored by several tasks at once, up to about this many rows each.",
    )

    @property
    def rule(self) -> DecisionRule:
        """How the threshold is chosen."""
        return self.decision or FixedThreshold(threshold=0.5 if self.threshold is None else self.threshold)

    @model_validator(mode="after")
    def _one_rule(self) -> Self:
        if self.threshold is not None and self.decision is not None:
            raise ValueError("give either threshold or decision")
        return self


class PipelineSpec(Model):
    """The content of pipeline.yaml."""

    title: Line = Field(max_length=120)
    description: str = Field("", description="Shown with the DAGs, in Markdown.")
    owner: Line = Field("nightshift", description="Who to ask.")
    simulated: bool = Field(False, description="Marks the data as simulated.")
    start: date = Field(ge=EARLIEST, le=LATEST, description="The first partition that exists.")
    task: TaskName
    source: SourceSettings
    columns: dict[ColumnName, ColumnType] = Field(min_length=1, description="The columns that the source must deliver.")
    # Pydantic's models have a method of that name, so only the file calls it so.
    contract: SchemaContract = Field(SchemaContract(), alias="schema")
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
    card: Card = Card()
    drift: Drift = Drift()
    retrain: Retrain = Retrain()
    retention: Retention = Retention()
    alerts: Alerts = Alerts()
    schedules: Schedules = Schedules()

    @property
    def afterwards(self) -> frozenset[str]:
        """Every column that is not known when the row is scored."""
        recorded = (self.label.recorded_at,) if self.label.recorded_at else ()
        return frozenset((*self.known_afterwards, self.label.column, *recorded))

    @property
    def score_columns(self) -> tuple[str, ...]:
        """The columns of the scored table that Nightshift itself makes."""
        return (*SCORE_COLUMNS, *(name for name, _ in find_task(self.task).score_columns))

    @property
    def metrics(self) -> tuple[str, ...]:
        """What models and scores of the pipeline are measured by."""
        return choose_metrics(self.task, (self.training.metric, *self.gate.floors))

    @property
    def lookback(self) -> int:
        """How many earlier partitions the features of one may read."""
        return max(
            [self.features.lookback_days, *(f.days + self.find_lag(f) - 1 for f in self.features.rolling)], default=0
        )

    def find_lag(self, feature: RollingFeature) -> int:
        """How many days back the newest partition lies that a rolling feature may see."""
        return self.maturity_days if feature.column in self.afterwards else 1

    @property
    def maturity_days(self) -> int:
        """How many days back the newest partition lies whose outcomes a day's features may see."""
        return max(1, self.label.available_after_days)

    def find_last_known(self, partition: date) -> date:
        """The newest partition whose outcomes the features of `partition` may see."""
        return partition - timedelta(days=self.maturity_days)

    @property
    def delivered(self) -> dict[str, ColumnType]:
        """The columns that `source` must deliver: not what comes with the outcomes where those have a source."""
        if self.label.source is None:
            return dict(self.columns)
        return {name: kind for name, kind in self.columns.items() if name not in self.afterwards}

    @property
    def needed(self) -> frozenset[str]:
        """The delivered columns without which rows can't be keyed, scored or learned from."""
        derived = (
            value
            for feature in self.features.derived
            for value in feature.model_dump(exclude={"kind", "name", "part", "statistic"}).values()
        )
        named = {
            *self.keys,
            *self.features.names,
            *(name for names in self._name_source_columns().values() for name in names),
            *(name for value in derived for name in (value if isinstance(value, tuple) else (value,))),
            self.label.column,
            self.label.recorded_at,
        }
        return frozenset(named & set(self.delivered))

    @model_validator(mode="before")
    @classmethod
    def _accept_old_names(cls, value: Any) -> Any:
        return rename_fields(value)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problems = [*self._unknown_columns(), *self._leaks(), *self._label_problems(), *self._task_problems()]
        problems += [*list_problems(self), *list_input_problems(self)]
        if problems:
            raise Inconsistent(problems)
        return self

    def _name_source_columns(self) -> dict[str, tuple[str, ...]]:
        """Columns that rows must have on the night, by where pipeline.yaml names them."""
        named = {
            "keys": self.keys,
            "event_time": (self.event_time,) if self.event_time else (),
            "features.tables.column": tuple(table.column for table in self.features.tables.values()),
            "features.derived (rolling)": tuple(
                name for feature in self.features.rolling for name in (feature.column, *feature.by)
            ),
        }
        if self.source.shared_by:
            named["source.partition_by.column"] = (self.source.shared_by.column,)
        return named

    def _unknown_columns(self) -> list[str]:
        named: dict[str, tuple[str, ...]] = {
            **self._name_source_columns(),
            "label.column": (self.label.column,),
            "label.recorded_at": (self.label.recorded_at,) if self.label.recorded_at else (),
            "known_afterwards": self.known_afterwards,
        }
        unsliced = [
            f"gate.slices.columns: {name!r} is not among the features"
            for name in self.gate.slices.columns
            if name not in self.features.names
        ]
        return unsliced + [
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

    def _label_problems(self) -> list[str]:
        recorded_at = self.label.recorded_at
        problems = [
            f"{where}: {name!r} comes with the outcomes (label.source), so no row has it when it is scored"
            for where, names in self._name_source_columns().items()
            for name in names
            if name in self.columns and name not in self.delivered
        ]
        if recorded_at and self.columns.get(recorded_at) in ("text", "boolean"):
            problems.append(
                f"label.recorded_at: {recorded_at!r} must be a timestamp, date or number, to find the last one"
            )
        return problems

    def _task_problems(self) -> list[str]:
        task, metrics = find_task(self.task), list_metrics(self.task)
        problems = [
            f"keys: {name!r} is a column that Nightshift writes" for name in self.keys if name in self.score_columns
        ]
        if self.training.metric not in metrics:
            problems.append(f"training.metric: {self.task} is evaluated by {', '.join(metrics)}")
        problems += [f"gate.floors: {self.task} has no {name}" for name in self.gate.floors if name not in metrics]
        if self.training.metric in self.gate.floors:
            problems.append(f"gate.floors: the floor of {self.training.metric}, training.metric, is gate.floor")
        if not task.decides and (self.scoring.decision or self.scoring.threshold is not None):
            problems.append(f"scoring: {self.task} has no decision threshold")
        problems += [
            f"training.estimators: {e.kind} is not for {self.task}"
            for e in self.training.estimators
            if self.task not in ESTIMATORS.find(e.kind).factories
        ]
        if not task.decides and self.label.positive_from is not None:
            problems.append(f"label.positive_from: {self.task} has no positive class")
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
