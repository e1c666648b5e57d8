"""The tasks of the drift DAG, in their order."""

from include.steps.drift.compare import compare_windows
from include.steps.drift.decide import decide_retraining
from include.steps.drift.measure import measure_performance

__all__ = ["compare_windows", "decide_retraining", "measure_performance"]
