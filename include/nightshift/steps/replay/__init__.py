"""History night by night, under one retraining policy: the steps of the DAGs, in this process."""

from nightshift.steps.replay.history import ingest_history
from nightshift.steps.replay.measure import measure_nights
from nightshift.steps.replay.nights import replay_nights, train_first

__all__ = ["ingest_history", "measure_nights", "replay_nights", "train_first"]
