"""training set + candidate -> the sample that drift is measured against while the version is champion."""

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from nightshift.config.pipeline import PipelineConfig
from nightshift.core.estimators.kinds import predict_scores
from nightshift.core.features.build import has_hours, take_hours
from nightshift.core.features.sampling import sample_rows
from nightshift.io.lake.base import ObjectRef, make_attempt_id
from nightshift.io.lake.parquet import fetch_table, store_table
from nightshift.io.ledger.entries import find_entries
from nightshift.io.resources import Resources
from nightshift.steps.handover import Assembled
from nightshift.steps.ingest.samples import HELD_OUT, HOUR, PREDICTION
from nightshift.steps.labels import PARTITION
from nightshift.steps.train.training_set import TrainingSet, read_frame


def store_reference(
    config: PipelineConfig,
    resources: Resources,
    assembled: Assembled,
    data: TrainingSet,
    model: Any,
    predicted: np.ndarray,
) -> ObjectRef:
    """A seeded sample of the rows that the candidate was fitted on, and one of those held out.

    Columns: the features, `__partition`, `__held_out`, `__prediction` and, where hours are compared, `__hour`.
    The held-out rows are for the scores: a model is too sure of what it was fitted on. `predicted` is of shape
    (held-out rows,). The result's `rows` are those that it was fitted on.
    """
    names, most, seed = list(config.spec.features.names), config.spec.drift.sample_rows, config.spec.training.seed
    fitted = sample_rows(len(data.train.rows), most, seed)
    held = sample_rows(len(data.holdout.rows), most, seed)
    train, holdout = data.train.rows[names].iloc[fitted], data.holdout.rows[names].iloc[held]
    frame = pd.concat([train, holdout], ignore_index=True)
    days = np.concatenate([data.train.days[fitted], data.holdout.days[held]])
    columns = {
        PARTITION: days,
        HELD_OUT: np.arange(len(frame)) >= len(fitted),
        PREDICTION: np.concatenate([predict_scores(model, config.spec.task, train), predicted[held]]),
    }
    if config.spec.drift.reference == "weekday" and has_hours(config.spec):
        keys = pd.concat([_read_keys(config, resources, assembled, data, fitted), data.holdout.rows.iloc[held]])
        columns[HOUR] = _find_hours(config, resources, keys[list(config.spec.keys)].assign(**{PARTITION: days}))
    table = pa.Table.from_pandas(frame, preserve_index=False)
    for name, values in columns.items():
        table = table.append_column(name, pa.array(values, from_pandas=True))
    ref = store_table(resources.lake, f"models/{config.name}/reference/{make_attempt_id()}.parquet", table)
    return ObjectRef(ref.uri, ref.sha256, len(fitted))


def _read_keys(
    config: PipelineConfig, resources: Resources, assembled: Assembled, data: TrainingSet, fitted: np.ndarray
) -> pd.DataFrame:
    """The training slice has only features, so its keys are looked up in the frame that it was cut from."""
    frame = read_frame(resources, assembled)
    train = frame[frame[PARTITION] <= data.window.train_to]
    cut = sample_rows(len(train), config.spec.training.max_rows, config.spec.training.seed)
    return train.iloc[cut[fitted]]


def _find_hours(config: PipelineConfig, resources: Resources, rows: pd.DataFrame) -> np.ndarray:
    """The hour of each row's event, as float64 of shape (rows,); NaN where it is not known any more."""
    hours = np.full(len(rows), np.nan)
    with resources.warehouse.begin() as connection:
        nights = [pd.Timestamp(night).date() for night in rows[PARTITION].unique()]
        entries = find_entries(connection, config.name, "valid", nights)
    for entry in entries:
        own = np.flatnonzero(rows[PARTITION].to_numpy("datetime64[D]") == np.datetime64(entry.partition))
        valid = fetch_table(resources.lake, entry.ref).to_pandas(date_as_object=False)
        hours[own] = take_hours(rows.iloc[own], valid, config.spec)
    return hours
