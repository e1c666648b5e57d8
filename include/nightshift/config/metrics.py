"""The metrics that a pipeline can be judged by."""

from typing import Literal

Task = Literal["classification", "regression"]
CLASSIFICATION_METRICS = ("roc_auc", "average_precision", "log_loss", "brier")
REGRESSION_METRICS = ("r2", "rmse", "mae")
Metric = Literal["roc_auc", "average_precision", "log_loss", "brier", "r2", "rmse", "mae"]
