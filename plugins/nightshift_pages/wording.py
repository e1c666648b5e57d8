"""Records of `read_status` in words: one cell of the table each. Plain text; the template escapes it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

Record = dict[str, Any]
Tone = Literal["plain", "good", "bad", "quiet"]


@dataclass(frozen=True)
class Cell:
    """What a cell says, a second line in small print, and how it looks."""

    text: str
    detail: str = ""
    tone: Tone = "plain"


VERDICTS: dict[bool | None, tuple[str, Tone]] = {
    True: ("drifted", "bad"),
    False: ("calm", "good"),
    None: ("unknown", "quiet"),
}
NOTHING = Cell("—", tone="quiet")


def describe_state(record: Record) -> Cell:
    """Whether the pipeline's data can be had at all."""
    data = record.get("data")
    if data is None:
        return NOTHING
    if data == "available":
        return Cell("data available", tone="good")
    state, _, detail = str(data).partition(": ")
    return Cell(state, detail, "bad")


def describe_champion(record: Record) -> Cell:
    """The version in charge."""
    if record.get("champion_version") is None:
        return Cell("none yet", tone="quiet") if "champion_version" in record else NOTHING
    return Cell(f"version {record['champion_version']}", f"since {format_time(record['champion_since'])}")


def describe_scores(record: Record) -> Cell:
    """The newest scored partition."""
    if record.get("last_scored") is None:
        return NOTHING
    return Cell(str(record["last_scored"]), f"{record['last_scored_rows']:,} rows")


def describe_validation(record: Record) -> Cell:
    """The newest validated partition."""
    if record.get("last_validated") is None:
        return NOTHING
    passed = record["last_validation_success"]
    rows = f"{record['last_validation_rows']:,} rows, {record['last_quarantined']:,} in quarantine"
    return Cell(f"{record['last_validated']} {'passed' if passed else 'stopped'}", rows, "good" if passed else "bad")


def describe_drift(record: Record) -> Cell:
    """The newest comparison; its verdict may be unknown."""
    if record.get("last_drift_to") is None:
        return NOTHING
    word, tone = VERDICTS[record["last_drifted"]]
    return Cell(f"{record['last_drift_to']} {word}", record["last_drift_reason"] or "", tone)


def describe_decision(record: Record) -> Cell:
    """What the drift policy decided last."""
    if record.get("last_decision") is None:
        return NOTHING
    return Cell(f"{record['last_decision_as_of']} {record['last_decision']}", record["last_decision_reason"] or "")


COLUMNS = {
    "Data": describe_state,
    "Champion": describe_champion,
    "Last scored": describe_scores,
    "Last validation": describe_validation,
    "Last drift": describe_drift,
    "Last decision": describe_decision,
}


def format_time(value: datetime) -> str:
    """To the minute, with the zone."""
    return f"{value:%Y-%m-%d %H:%M %Z}".strip()
