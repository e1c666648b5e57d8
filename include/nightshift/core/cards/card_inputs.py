"""What the cards are made from: rows of the warehouse as plain records, and arrays of the training set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from nightshift.config.pipeline import PipelineConfig

Record = Mapping[str, Any]


@dataclass(frozen=True)
class HeldOut:
    """The held-out rows: outcome (float64), day (datetime64[D]) and prediction of each; shape (rows,).

    `predicted` is None where the model must not or can't be loaded; `problem` says why.
    """

    target: np.ndarray
    days: np.ndarray
    predicted: np.ndarray | None
    problem: str = ""


@dataclass(frozen=True)
class KnownModel:
    """Everything that a model card may say. Records have the columns of their tables, times as ISO text."""

    config: PipelineConfig
    version: Record
    decision: Record | None
    champion: Record | None
    trials: Sequence[Record]
    promotions: Sequence[Record]
    held_out: HeldOut
    software: Mapping[str, str]


@dataclass(frozen=True)
class KnownData:
    """Everything that a data card may say.

    `rows` are those of the window with their features; `target` (float64) and `days` (datetime64[D]) have the same
    shape (rows,). `validations` are rows of monitoring.validation of the window.
    """

    config: PipelineConfig
    version: Record
    rows: pd.DataFrame
    target: np.ndarray
    days: np.ndarray
    validations: Sequence[Record]
