"""The assembled training set, read back and cut by time."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from nightshift.config.pipeline import PipelineConfig
from nightshift.core.features.sampling import sample_rows
from nightshift.core.training.splits import Window, split_window
from nightshift.io.lake.base import ObjectRef
from nightshift.io.lake.parquet import fetch_table
from nightshift.io.resources import Resources
from nightshift.steps.handover import Assembled
from nightshift.steps.labels import PARTITION, TARGET


@dataclass(frozen=True)
class Slice:
    """Rows of one stretch of time: features, target (float64), day (datetime64[D]) and keys of each."""

    rows: pd.DataFrame
    target: np.ndarray
    days: np.ndarray
    keys: pd.DataFrame


@dataclass(frozen=True)
class TrainingSet:
    """The slice to fit on and the later one to judge on.

    The rows to judge on have every column of the features objects: the champion may need one that pipeline.yaml does
    not name any more.
    """

    window: Window
    train: Slice
    holdout: Slice


def read_frame(resources: Resources, assembled: Assembled) -> pd.DataFrame:
    """Features, `__target` and `__partition`, in order of time."""
    frame = fetch_table(resources.lake, ObjectRef.from_record(assembled["training_set"])).to_pandas()
    return frame.sort_values(PARTITION, kind="stable", ignore_index=True)


def read_training_set(config: PipelineConfig, resources: Resources, assembled: Assembled) -> TrainingSet:
    """Cut by time: the last days are held out. The slice to fit on is sampled where it exceeds training.max_rows."""
    frame = read_frame(resources, assembled)
    training = config.spec.training
    window = split_window(sorted(frame[PARTITION].unique()), training.holdout_days)
    train = frame[frame[PARTITION] <= window.train_to]
    train = train.iloc[sample_rows(len(train), training.max_rows, training.seed)]
    holdout = frame[frame[PARTITION] >= window.holdout_from]
    everything = [name for name in frame.columns if name not in (TARGET, PARTITION)]
    features, keys = list(config.spec.features.names), list(config.spec.keys)
    return TrainingSet(window, _cut(train, features, keys), _cut(holdout, everything, keys))


def _cut(frame: pd.DataFrame, features: list[str], keys: list[str]) -> Slice:
    rows = frame[features].reset_index(drop=True)
    days = frame[PARTITION].to_numpy("datetime64[D]")
    return Slice(rows, frame[TARGET].to_numpy("float64"), days, frame[keys].reset_index(drop=True))
