"""One run of maintenance: whose, when, how patient."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from nightshift.config.pipeline import PipelineConfig
from nightshift.config.sections.retention import GRACE, MIN_GRACE, find_days
from nightshift.core.retention import Limits
from nightshift.errors import NightshiftError
from nightshift.io.ledger.retention import read_clock
from nightshift.io.resources import Resources


@dataclass(frozen=True)
class MaintenanceRun:
    """`now` is the earlier of two clocks, so that one that is fast makes nothing old; `grace` is in days."""

    run_id: str
    now: datetime
    grace: int = GRACE
    dry_run: bool = True

    def find_limits(self, config: PipelineConfig) -> Limits:
        """How long what nothing points at is kept."""
        superseded, training = (find_days(config.spec, name) for name in ("superseded", "training_sets"))
        return Limits(*(timedelta(days=days or 0) for days in (self.grace, superseded, training)))


def begin_maintenance(resources: Resources, run_id: str, grace: int = GRACE, dry_run: bool = True) -> MaintenanceRun:
    """NightshiftError where the grace is shorter than an attempt may live."""
    if grace < MIN_GRACE:
        raise NightshiftError(
            f"A grace of {grace} days is too short: attempts may still publish what they wrote two days ago. "
            f"Say {MIN_GRACE} or more; {GRACE} is usual."
        )
    with resources.warehouse.begin() as connection:
        now = min(read_clock(connection), datetime.now(UTC))
    return MaintenanceRun(run_id, now, grace, dry_run)
