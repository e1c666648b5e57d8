"""When the DAGs run, and for which partition. The partition key is the ISO date, everywhere."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from itertools import groupby
from typing import Any

from airflow.sdk import Asset, PartitionedAssetTimetable
from airflow.timetables.base import DagRunInfo, TimeRestriction
from airflow.timetables.trigger import CronPartitionTimetable

ONE_DAY = timedelta(days=1)


class DayBeforeTimetable(CronPartitionTimetable):
    """Runs at every tick of a cron for the partition of the day before, by the calendar of the time zone.

    Airflow's own `run_offset=-1` means the *tick* before: a day a week ago on a weekly schedule, and the wrong day
    where a tick falls into the hour that is left out when the clocks go forward. And its partitions begin at the tick,
    so that a backfill leaves out its last day and repeats days that were run by hand; these begin at midnight.
    """

    def __init__(self, cron: str, *, timezone: Any) -> None:
        super().__init__(cron, timezone=timezone, key_format="%Y-%m-%d")

    def serialize(self) -> dict[str, Any]:
        """What the scheduler keeps of it."""
        kept = super().serialize()
        return {name: kept[name] for name in ("expression", "timezone")}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> "DayBeforeTimetable":
        """The reverse of `serialize`."""
        return run_for_day_before(data["expression"], data["timezone"])

    def next_dagrun_info_v2(
        self, *, last_dagrun_info: DagRunInfo | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """The next scheduled run."""
        info = super().next_dagrun_info_v2(last_dagrun_info=last_dagrun_info, restriction=restriction)
        return info and self._name_partition(info)

    def iter_partition_dagrun_infos(self, *, earliest: datetime, latest: datetime) -> Iterable[DagRunInfo]:
        """The runs of a backfill: one for every partition that begins from `earliest` to `latest`, both included."""
        # Like Airflow, take the bounds by what the clock on the wall says, whatever their zone.
        ticks = super().iter_partition_dagrun_infos(
            earliest=datetime.combine(earliest.date() + ONE_DAY, time.min, UTC),
            latest=datetime.combine(latest.date() + ONE_DAY, time.max, UTC),
        )
        bounds = self.localize_partition_datetime(earliest), self.localize_partition_datetime(latest)
        for info in self._drop_repeats(map(self._name_partition, ticks)):
            if bounds[0] <= info.partition_date <= bounds[1]:
                yield info._replace(run_after=info.partition_date)

    def _name_partition(self, info: DagRunInfo) -> DagRunInfo:
        key = (info.run_after.in_timezone(self._timezone).date() - ONE_DAY).isoformat()
        return info._replace(partition_key=key, partition_date=self.resolve_partition_date(key))

    @staticmethod
    def _drop_repeats(infos: Iterable[DagRunInfo]) -> Iterator[DagRunInfo]:
        return (next(same) for _, same in groupby(infos, key=lambda info: info.partition_key))


# Airflow keeps the DAGs of earlier runs by the name that the class had in 0.1; without it, their pages fail.
DayBeforeTimetableOf01 = type(
    "DayBeforeTimetable", (DayBeforeTimetable,), {"__module__": "include.orchestration.timetables"}
)


# Putting a cron into words takes a millisecond, and Airflow makes the timetable of each DAG anew some twenty times when
# it has read a file. Nobody changes one that is made, so pipelines with the same schedule share it.
@lru_cache(maxsize=1024)
def run_for_day_before(cron: str, timezone: Any) -> DayBeforeTimetable:
    """Run at every tick of `cron`: last night's run works on yesterday."""
    return DayBeforeTimetable(cron, timezone=timezone)


def run_after(asset: Asset) -> PartitionedAssetTimetable:
    """Run once for every partition of `asset` that was written, with the same key."""
    return PartitionedAssetTimetable(assets=asset)
