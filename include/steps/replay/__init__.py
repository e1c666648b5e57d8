"""History night by night, under one retraining policy: the steps of the DAGs, in this process."""

from include.steps.replay.history import ingest_history
from include.steps.replay.measure import measure_nights
from include.steps.replay.nights import replay_nights, train_first

__all__ = ["ingest_history", "measure_nights", "replay_nights", "train_first"]
