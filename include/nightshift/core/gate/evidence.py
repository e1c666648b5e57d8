"""What the gate decides from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from nightshift.core.evaluation.overlap import Overlap
    from nightshift.core.predictors.parity import Parity


@dataclass(frozen=True)
class Served:
    """What a fresh process made of the artifact and the golden rows."""

    problem: str = ""  # "" where it loaded and predicted
    difference: float | None = None  # largest absolute difference to the recorded scores
    seconds: float | None = None  # for 1,000 rows
    megabytes: float | None = None  # peak on top of the libraries' own, for 1,000 rows
    rows: int = 0  # golden rows
    parity: Parity | None = None  # its tables against the model itself; None: not measured
    recorded: str | None = None  # the hash of the tables that belong to the version; None where it has none


@dataclass(frozen=True)
class Evidence:
    """What is known of candidate, champion and baseline on the held-out rows.

    Arrays are float64 of shape (rows,) unless said otherwise, all in one order.
    """

    target: np.ndarray
    days: np.ndarray  # datetime64[D]
    rows: pd.DataFrame  # the features, for slices
    candidate: np.ndarray | None  # None where it could not be served: served.problem or missing_features say why
    baseline: np.ndarray
    champion: np.ndarray | None  # None where there is none, or it can't be evaluated
    champion_version: int | None
    champion_problem: str  # why `champion` is None although there is a champion_version
    missing_features: tuple[str, ...]  # that the candidate needs and the rows lack
    train_value: float  # training.metric on the rows that it was fitted on
    target_range: tuple[float, float]  # lowest and highest target of the training slice
    alone: Mapping[str, float]  # ROC AUC or R² that each feature reaches alone, on held-out rows
    served: Served | None  # None: not tried
    champion_fitted_to: date | None = None  # the last day that the champion was fitted on; None: not known
    best: np.ndarray | None = None  # of the last champion that proved better; None where that is the champion
    best_version: int | None = None
    made_before: frozenset[str] = frozenset()  # features that Nightshift makes of the clock, or of earlier days
    naive: Mapping[str, np.ndarray] | None = None  # guesses from the last outcomes, by name
    overlap: Overlap | None = None  # of fitted and held-out rows; None: not measured
