"""When a schedule is due."""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from croniter import croniter


def list_due_times(cron: str, zone: ZoneInfo, after: datetime, until: datetime) -> Iterator[datetime]:
    """The ticks by the clock on the wall, so that a night without its hour has one too."""
    if until <= after:
        return
    ticks = croniter(cron, after.astimezone(zone).replace(tzinfo=None))
    while (tick := ticks.get_next(datetime).replace(tzinfo=zone)) <= until:
        yield tick
