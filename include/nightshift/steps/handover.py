"""What one step hands to the next, through XCom or in one process: plain values, typed here and nowhere else."""

from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict, TypeVar, cast

from nightshift.errors import NightshiftError

# An object of the lake, as `ObjectRef.to_record` writes it.
ObjectRecord = dict[str, Any]


class Extracted(TypedDict):
    """Of `extract`: the rows as they came."""

    raw: ObjectRecord
    rows: int


class Validated(TypedDict):
    """Of `validate`: the rows that passed."""

    valid: ObjectRecord


class AttemptRecord(TypedDict):
    """An attempt: its name is unique, its number grows."""

    name: str
    number: int


class PlanRecord(TypedDict):
    """Of `plan_scoring`: what a partition is scored from. Times are ISO text."""

    attempt: AttemptRecord
    features: ObjectRecord
    version: int
    threshold: float
    inputs_sha256: str
    scored_at: str


class Shard(PlanRecord):
    """Of `plan`: one shard, its number from 0, of how many."""

    number: int
    of: int


class Scored(TypedDict):
    """Of `score`, or of all shards together: the rows are one object, several, or not scored yet."""

    model_version: int
    rows: int
    inputs_sha256: str
    scored_at: str
    attempt: str
    attempt_number: int
    scores: NotRequired[ObjectRecord]
    shards: NotRequired[list[ObjectRecord]]
    plan: NotRequired[PlanRecord]


class Assembled(TypedDict):
    """Of `assemble`: the training set. Days are ISO text."""

    training_set: ObjectRecord
    train_from: str
    train_to: str
    rows: int
    unlabelled: int
    without_outcomes: list[str]
    inputs: dict[str, Any]


class Fitted(TypedDict):
    """Of `tune_and_fit`: the model, and how it was found."""

    artifact: ObjectRecord
    estimator: str
    parameters: dict[str, Any]
    calibration: str
    calibration_refused: NotRequired[str]
    threshold: float | None
    decision_rule: dict[str, Any] | None
    searched_to: str


class Evaluated(TypedDict):
    """Of `evaluate`: the candidate's version."""

    version: int
    metrics: dict[str, Any]


class Judged(TypedDict):
    """Of `gate`: the decision, and the records of its rules."""

    decision: str
    reason: str
    gate_decision_id: int
    champion_version: int | None
    rules: list[dict[str, Any]]
    challenger: bool


class Compared(TypedDict):
    """Of `compare`: drift of the last partitions; `drifted` is None where it can't be known. Days are ISO text."""

    drifted: bool | None
    share: float | None
    reason: str
    window_from: str
    window_to: str
    champion_version: int
    broken: list[str]
    moved: NotRequired[list[str]]
    as_of: NotRequired[str]


class Measured(TypedDict):
    """Of `measure`: the performance of the champion, by outcomes and by estimates; None where there is none."""

    partitions: dict[str, dict[str, Any]]
    without_outcomes: list[str]
    realised: dict[str, Any] | None
    estimated: dict[str, Any] | None


class Decided(TypedDict):
    """Of `decide`: whether to retrain, and the run that does it."""

    decision: str
    reason: str
    run_id: str | None


# The task that hands each over, by its name in the DAG.
HANDED_OVER_BY: Mapping[type[Any], str] = {
    Extracted: "extract",
    Validated: "validate",
    Shard: "plan",
    PlanRecord: "score",
    Scored: "score",
    Assembled: "assemble",
    Fitted: "tune_and_fit",
    Evaluated: "evaluate",
    Judged: "gate",
    Compared: "compare",
    Measured: "measure",
    Decided: "decide",
}
T = TypeVar("T")


def take(kind: type[T], figures: Any) -> T:
    """The figures of an earlier step as what they are; NightshiftError where another release handed them over."""
    required: frozenset[str] = kind.__required_keys__  # type: ignore[attr-defined]
    missing = sorted(required - figures.keys()) if isinstance(figures, Mapping) else sorted(required)
    if missing:
        task = HANDED_OVER_BY[kind]
        raise NightshiftError(
            f"the task `{task}` handed over no {', '.join(missing)}: its output is gone, or of another release; "
            f"clear the run from `{task}` on"
        )
    return cast(T, figures)
