"""Records of `read_status` in words: one cell of the table each. Plain text; the template escapes it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

Record = dict[str, Any]
Tone = Literal["plain", "good", "bad", "quiet"]


@dataclass(frozen=True)
class Cell:
    """What a cell says, a second line in small print, how it looks, and the page of ours that it leads to."""

    text: str
    detail: str = ""
    tone: Tone = "plain"
    page: str = ""


VERDICTS: dict[bool | None, tuple[str, Tone]] = {
    True: ("drifted", "bad"),
    False: ("no drift", "good"),
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
    """The champion; all versions and their cards are a click away."""
    if "champion_version" not in record:
        return NOTHING
    page = f"models/{record['pipeline']}"
    if record["champion_version"] is None:
        return Cell("none yet", tone="quiet", page=page)
    return Cell(f"version {record['champion_version']}", f"since {format_time(record['champion_since'])}", page=page)


def describe_scores(record: Record) -> Cell:
    """The newest scored partition."""
    if record.get("last_scored") is None:
        return NOTHING
    return Cell(str(record["last_scored"]), f"{record['last_scored_rows']:,} rows")


def describe_validation(record: Record) -> Cell:
    """The newest validated partition; what lies in quarantine is a click away."""
    if record.get("last_validated") is None:
        return NOTHING
    passed = record["last_validation_success"]
    rows = f"{record['last_validation_rows']:,} rows, {record['last_quarantined']:,} in quarantine"
    text = f"{record['last_validated']} {'passed' if passed else 'stopped'}"
    return Cell(text, rows, "good" if passed else "bad", page=f"quarantine/{record['pipeline']}")


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

GATE_WORDS: dict[str | None, tuple[str, Tone]] = {
    "promote": ("promote", "good"),
    "keep": ("keep the champion", "plain"),
    "needs_approval": ("needs approval", "plain"),
    None: ("never asked", "quiet"),
}


def describe_status(model: Record) -> Cell:
    """What the version is now, and since when."""
    since = f"since {format_time(datetime.fromisoformat(model['since']))}"
    return Cell(model["status"], since, "good" if model["status"] == "champion" else "plain")


def describe_window(model: Record) -> Cell:
    """What it was fitted on."""
    return Cell(f"{model['train_from']} to {model['train_to']}", f"{model['rows']:,} rows")


def describe_value(model: Record) -> Cell:
    """The metric that the gate judges by, on held-out rows."""
    if model["value"] is None:
        return Cell("unknown", model["metric"], "quiet")
    return Cell(f"{model['value']:.4f}", f"{model['metric']}, {model['holdout_from']} to {model['holdout_to']}")


def describe_gate(model: Record) -> Cell:
    """The gate's last word."""
    word, tone = GATE_WORDS[model["decision"]]
    return Cell(word, model["decision_reason"] or "", tone)


MODEL_COLUMNS = {
    "Status": describe_status,
    "Fitted on": describe_window,
    "Held-out rows": describe_value,
    "Gate": describe_gate,
}


def format_time(value: datetime) -> str:
    """To the minute, with the zone."""
    return f"{value:%Y-%m-%d %H:%M %Z}".strip()
