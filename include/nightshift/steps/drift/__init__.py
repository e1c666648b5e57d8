"""The tasks of the drift DAG, in their order."""

from nightshift.steps.drift.compare import compare_windows
from nightshift.steps.drift.decide import decide_retraining
from nightshift.steps.drift.measure import measure_performance

__all__ = ["compare_windows", "decide_retraining", "measure_performance"]
