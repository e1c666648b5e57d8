"""The estimators of our own, under the names that model artifacts hold. Those never change: old artifacts must load."""

from nightshift.core.estimators.lightgbm import LightGbmClassifier, LightGbmRegressor
from nightshift.core.training.calibration import CalibratedClassifier

__all__ = ["CalibratedClassifier", "LightGbmClassifier", "LightGbmRegressor"]
