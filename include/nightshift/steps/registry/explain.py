"""One scored row -> the model behind it, what that was trained on and by which code, and who promoted it."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from nightshift.config.days import parse_day
from nightshift.config.model import ColumnType
from nightshift.config.pipeline import PipelineConfig
from nightshift.config.project import COMMAND
from nightshift.errors import NightshiftError
from nightshift.extension.tasks import find_task
from nightshift.io.lake.base import ObjectRef
from nightshift.io.ledger.history import Written, list_written
from nightshift.io.registry import Decision, ModelVersion, Promotion, list_decisions, list_promotions, require_version
from nightshift.io.resources import Resources
from nightshift.io.scores.lookup import Key, find_scored_row, list_partitions_of, list_scored_partitions
from nightshift.steps.score.plan import find_threshold, hash_inputs

HINTS = 5


def explain_row(config: PipelineConfig, resources: Resources, key: str, partition: date | None) -> dict[str, Any]:
    """Everything that is recorded of the row: row, threshold, scores, model, gate, promotion, was_champion, objects.

    `key` as `parse_key` reads it; without `partition`, the newest one that has it. `gate` and `promotion` are None
    where there is no such record; `was_champion` says whether the model was the champion when it scored.
    """
    wanted = parse_key(config, key)
    with resources.warehouse.begin() as connection:
        row = find_scored_row(connection, config, wanted, partition)
        if row is None:
            raise NightshiftError(_explain_absence(connection, config, wanted, partition))
        version = require_version(connection, config.name, row["model_version"])
        scores = list_written(connection, config.name, row["partition_date"], "scores")[0]
        promotions = [
            known for known in list_promotions(connection, config.name) if known.promoted_at <= scores.written_at
        ]
        decisions = list_decisions(connection, config.name)
        objects = _find_objects(connection, config, row["partition_date"], scores, version)
    promotion = next((known for known in reversed(promotions) if known.version == version.version), None)
    gate = find_decision(version.version, promotion, decisions)
    return {
        "pipeline": config.name,
        "row": row,
        "threshold": find_threshold(config, version) if find_task(config.spec.task).decides else None,
        "scores": asdict(scores),
        "model": _describe_model(config, version),
        "gate": asdict(gate) if gate else None,
        "promotion": asdict(promotion) if promotion else None,
        "was_champion": bool(promotions) and promotions[-1].version == version.version,
        "objects": objects,
    }


def parse_key(config: PipelineConfig, text: str) -> Key:
    """The values of `keys` in their order, separated by commas as in CSV; NightshiftError where they can't be."""
    names = config.spec.keys
    try:
        values = next(csv.reader([text], skipinitialspace=True, strict=True), [])
    except csv.Error as error:
        raise NightshiftError(f"the key {text!r} can't be read as CSV: {error}") from None
    if len(values) != len(names):
        raise NightshiftError(
            f"a row of {config.name} is named by {len(names)} value{'s' * (len(names) > 1)}, {','.join(names)}; "
            f"{text!r} has {len(values)}"
        )
    return {
        name: _parse_value(name, config.spec.columns[name], value) for name, value in zip(names, values, strict=True)
    }


def find_decision(version: int, promotion: Promotion | None, decisions: Sequence[Decision]) -> Decision | None:
    """The gate's decision that led to the promotion; the last one about the version where none did."""
    if promotion and promotion.gate_decision_id is not None:
        return next((known for known in decisions if known.id == promotion.gate_decision_id), None)
    return next((known for known in reversed(decisions) if known.candidate_version == version), None)


def _parse_truth(text: str) -> bool:
    return {"true": True, "false": False}[text.lower()]


PARSERS: dict[ColumnType, tuple[Callable[[str], Any], str]] = {
    "text": (str, "a text"),
    "integer": (int, "a whole number"),
    "number": (float, "a number"),
    "boolean": (_parse_truth, "true or false"),
    "date": (parse_day, "a date as 2026-11-20"),
    "timestamp": (datetime.fromisoformat, "a time as 2026-11-20T08:30:00"),
}


def _parse_value(name: str, kind: ColumnType, text: str) -> Any:
    parse, wanted = PARSERS[kind]
    try:
        return parse(text)
    except (ValueError, KeyError):
        raise NightshiftError(f"the key's {name} must be {wanted}, not {text!r}") from None


def _explain_absence(connection: Connection, config: PipelineConfig, key: Key, partition: date | None) -> str:
    """What is there instead of the row."""
    asked = ", ".join(f"{name}={value}" for name, value in key.items())
    where = f" in partition {partition}" if partition else ""
    message = f"{config.name} has no scored row with {asked}{where}"
    if partition and (having := list_partitions_of(connection, config, key, HINTS)):
        return f"{message}; the newest partitions that have it: {', '.join(map(str, having))}"
    if scored := list_scored_partitions(connection, config.name, HINTS):
        return f"{message}; the newest partitions that are scored: {', '.join(map(str, scored))}"
    return f"{message}: nothing was scored yet; {COMMAND} run {config.name} score"


def _describe_model(config: PipelineConfig, version: ModelVersion) -> dict[str, Any]:
    metric = config.spec.training.metric
    return {**asdict(version), "metric": metric, "value": version.metrics.get(metric)}


def _find_objects(
    connection: Connection, config: PipelineConfig, partition: date, scores: Written, version: ModelVersion
) -> dict[str, Any]:
    """The features that were scored, and the raw rows that they were made of; None where that is not known.

    `exact`: the hash that was kept with the scores proves that these are the ones; otherwise they are the last ones
    that were written before.
    """
    every = {kind: list_written(connection, config.name, partition, kind) for kind in ("features", "valid", "raw")}
    proven = [
        known
        for known in every["features"]
        if hash_inputs(ObjectRef(known.uri, known.sha256, known.rows), version, config) == scores.inputs_sha256
    ]
    features = _find_last(proven or every["features"], scores.written_at)
    valid = _find_last(every["valid"], features.written_at) if features else None
    sources = [known for known in every["raw"] if valid and known.sha256 == valid.inputs_sha256]
    raw = _find_last(sources, valid.written_at) if valid else None
    return {
        "features": {**asdict(features), "exact": bool(proven)} if features else None,
        "raw": asdict(raw) if raw else None,
    }


def _find_last(written: Sequence[Written], before: datetime) -> Written | None:
    """The newest of the objects, newest first, that was there at that time."""
    return next((known for known in written if known.written_at <= before), None)
