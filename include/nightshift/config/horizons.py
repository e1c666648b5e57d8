"""How many days back drift, the measuring of outcomes and replays read, and so what retention keeps."""

from datetime import date, timedelta
from typing import TYPE_CHECKING

from nightshift.config.days import list_days

if TYPE_CHECKING:
    from nightshift.config.pipeline import PipelineSpec

# An attempt that began longer ago may not publish, and maintenance may take what it wrote.
MAX_ATTEMPT_DAYS = 2
# Of a command or a rollback over many days: ten years.
MAX_RANGE_DAYS = 3660
# A drift window of few rows reaches back this far, and so do scores whose outcomes are late.
REACH_DAYS = 31
# The same days a year earlier, on the same weekdays, with a week on either side.
SEASON_DAYS, SEASON_MARGIN_DAYS = 364, 7


def list_drift_days(spec: "PipelineSpec", as_of: date) -> list[date]:
    """The days whose features the drift run of that day may compare, the newest first."""
    return [as_of - timedelta(days=back) for back in range(max(spec.drift.window_days, REACH_DAYS))]


def list_season_days(first: date, last: date) -> list[date]:
    """The days a year before those from `first` to `last`."""
    year, margin = timedelta(days=SEASON_DAYS), timedelta(days=SEASON_MARGIN_DAYS)
    return list_days(first - year - margin, last - year + margin)


def find_first_measured(spec: "PipelineSpec", matured: date) -> date:
    """The first day whose outcomes are read again when `matured` is the newest day that has some."""
    recent = max(spec.retrain.performance.window_days, spec.label.revised_for_days)
    return matured - timedelta(days=max(recent, REACH_DAYS) - 1)


def find_least_days(spec: "PipelineSpec") -> int:
    """How many days of partitions training, labels, drift and features that look back need."""
    label, performance = spec.label, spec.retrain.performance
    maturity = max(1, label.available_after_days)
    season = SEASON_DAYS + SEASON_MARGIN_DAYS if spec.drift.reference == "season" else 0
    drift = max(spec.drift.window_days, REACH_DAYS) + season
    outcomes = maturity + max(spec.training.window_days, performance.window_days, label.revised_for_days, REACH_DAYS)
    return max(drift, outcomes) + spec.lookback
