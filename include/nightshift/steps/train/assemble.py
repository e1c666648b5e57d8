"""features + outcomes -> one training set in the lake."""

import hashlib
from collections.abc import Sequence
from datetime import date

import pandas as pd
import pyarrow as pa

from nightshift.config.days import list_days
from nightshift.config.pipeline import PipelineConfig
from nightshift.config.project import COMMAND
from nightshift.core.training.splits import choose_window
from nightshift.errors import NightshiftError
from nightshift.io.lake.base import make_attempt_id, make_key
from nightshift.io.lake.parquet import fetch_table, store_table
from nightshift.io.ledger.entries import Entry, find_entries
from nightshift.io.resources import Resources
from nightshift.steps.labels import PARTITION, TARGET, Outcomes, read_outcomes
from nightshift.steps.outcome import Outcome


def assemble_training_set(
    config: PipelineConfig,
    resources: Resources,
    as_of: date,
    train_from: date | None = None,
    train_to: date | None = None,
) -> Outcome:
    """Join the features of the window with the outcomes known on the morning after `as_of`.

    Stopped where no partition of the window has features, or no row an outcome. A day whose outcomes are not there
    yet only lacks its rows. Figures: training_set, train_from, train_to, rows, unlabelled, without_outcomes, inputs.
    """
    label, training = config.spec.label, config.spec.training
    try:
        first, last = choose_window(as_of, label.available_after_days, training.window_days, train_from, train_to)
    except ValueError as error:
        raise NightshiftError(f"{config.name}: {error}") from error
    days = list_days(first, last)
    with resources.warehouse.begin() as connection:
        valid = find_entries(connection, config.name, "valid", days)
        features = {entry.partition: entry for entry in find_entries(connection, config.name, "features", days)}
    usable = [entry for entry in valid if entry.partition in features]
    if not usable:
        command = f"{COMMAND} run {config.name} ingest --from {first} --to {last}"
        return Outcome("stopped", f"{config.name}: no features between {first} and {last}; ingest first: {command}")
    found = list(read_outcomes(config, resources, usable))
    absent = [outcomes for outcomes in found if outcomes.absent]
    frame = _join(config, [_read_features(resources, features[outcomes.partition]) for outcomes in found], found)
    labelled = frame[frame[TARGET].notna()]
    if labelled.empty:
        return Outcome("stopped", f"{config.name}: {_explain_unlabelled(len(frame), first, last, absent)}")
    table = pa.Table.from_pandas(labelled, preserve_index=False)
    ref = store_table(resources.lake, make_key("training", config.name, as_of, make_attempt_id()), table)
    inputs = {str(entry.partition): features[entry.partition].ref.sha256 for entry in usable}
    figures = {
        "training_set": ref.to_record(),
        "train_from": str(min(labelled[PARTITION])),
        "train_to": str(max(labelled[PARTITION])),
        "rows": len(labelled),
        "unlabelled": len(frame) - len(labelled),
        "without_outcomes": [str(outcomes.partition) for outcomes in absent],
        "inputs": {"features": inputs, "labels_sha256": _hash_labels(frame)},
    }
    return Outcome("done", figures=figures)


def _join(config: PipelineConfig, rows: list[pd.DataFrame], found: Sequence[Outcomes]) -> pd.DataFrame:
    """All rows with the target of each; joined once, since a join a partition costs more than all else."""
    targets = pd.concat([_mark(outcomes.targets, outcomes.partition) for outcomes in found], ignore_index=True)
    keys = [PARTITION, *config.spec.keys]
    return _stack(rows, config.spec.features.names).merge(targets, on=keys, how="left", validate="one_to_one")


def _explain_unlabelled(rows: int, first: date, last: date, absent: Sequence[Outcomes]) -> str:
    why = f": {absent[0].absent}" if absent else ""
    return f"none of the {rows} rows from {first} to {last} has an outcome yet{why}"


def _stack(parts: list[pd.DataFrame], features: Sequence[str]) -> pd.DataFrame:
    """All rows. A feature that is named today is empty where a partition lacks it; any other must be in all of them."""
    frame = pd.concat(parts, ignore_index=True)
    partial = [name for name in frame.columns if any(name not in part.columns for part in parts)]
    frame = frame.drop(columns=[name for name in partial if name not in features])
    return frame.reindex(columns=[*frame.columns, *(name for name in features if name not in frame.columns)])


def _read_features(resources: Resources, features: Entry) -> pd.DataFrame:
    rows = fetch_table(resources.lake, features.ref).to_pandas(date_as_object=False)
    return _mark(rows, features.partition)


def _mark(rows: pd.DataFrame, partition: date) -> pd.DataFrame:
    return rows.assign(**{PARTITION: partition})


def _hash_labels(frame: pd.DataFrame) -> str:
    return hashlib.sha256(frame[TARGET].to_numpy("float64").tobytes()).hexdigest()
