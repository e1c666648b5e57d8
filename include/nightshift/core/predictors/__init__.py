"""Scores from Arrow batches, behind one interface: boosted trees as lookup tables, every other model as it is."""

from nightshift.core.predictors.parity import Parity, measure_parity
from nightshift.core.predictors.predictor import NativePredictor, Predictor, TablesPredictor, make_predictor

__all__ = [
    "NativePredictor",
    "Parity",
    "Predictor",
    "TablesPredictor",
    "make_predictor",
    "measure_parity",
]
