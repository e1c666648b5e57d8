"""Every night works on yesterday: once, also when the clocks change, and a backfill on the days that it names."""

from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any

import pendulum
import pytest
from airflow.sdk import DAG
from airflow.serialization.decoders import decode_timetable
from airflow.timetables.base import TimeRestriction

from nightshift.orchestration.timetables import DayBeforeTimetable, run_for_day_before
from tests.dags.kit import load_timetable

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo"]

# The nights whose clocks go forward and back in 2026.
CHANGES = [
    ("Europe/Berlin", date(2026, 3, 29), date(2026, 10, 25)),
    ("America/New_York", date(2026, 3, 8), date(2026, 11, 1)),
    ("Australia/Lord_Howe", date(2026, 10, 4), date(2026, 4, 5)),
]


def make_timetable(cron: str, zone: str = "UTC") -> Any:
    """As the scheduler has it."""
    with DAG("x", schedule=run_for_day_before(cron, zone)) as dag:
        pass
    return load_timetable(dag)


def list_runs(timetable: Any, day: date) -> Any:
    """The scheduled runs from `day` on, without end."""
    start, info = pendulum.datetime(day.year, day.month, day.day), None
    restriction = TimeRestriction(earliest=start, latest=None, catchup=True)
    while info := timetable.next_dagrun_info_v2(last_dagrun_info=info, restriction=restriction):
        yield info


def list_backfill(timetable: Any, first: str, last: str) -> list[str]:
    """The keys of the runs that a backfill makes."""
    bounds = [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (first, last)]
    return [info.partition_key for info in timetable.iter_partition_dagrun_infos(earliest=bounds[0], latest=bounds[1])]


def test_a_schedule_is_put_into_words_once_for_all_pipelines_that_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes a millisecond, and Airflow asks for a DAG's timetable some twenty times whenever it has read a file."""
    made: list[str] = []
    describe = DayBeforeTimetable._describe_with_dom_dow_fix
    monkeypatch.setattr(
        DayBeforeTimetable, "_describe_with_dom_dow_fix", lambda self, cron: made.append(cron) or describe(self, cron)
    )
    stored = [make_timetable("17 3 * * *", zone) for zone in ("UTC", "UTC", "Europe/Berlin")]
    assert made == ["17 3 * * *", "17 3 * * *"]
    assert [timetable.serialize()["timezone"] for timetable in stored] == ["UTC", "UTC", "Europe/Berlin"]


@pytest.mark.guarantee(18)
@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("cron", ["0 0 * * *", "30 1 * * *", "0 2 * * *", "30 2 * * *"])
def test_no_night_is_left_out_or_run_twice_when_the_clocks_change(cron: str, zone: str) -> None:
    runs = list(islice(list_runs(make_timetable(cron, zone), date(2026, 1, 1)), 365))
    first = date.fromisoformat(runs[0].partition_key)
    assert [run.partition_key for run in runs] == [str(first + timedelta(days=days)) for days in range(365)]


def test_a_run_starts_after_its_day_is_over() -> None:
    for run in islice(list_runs(make_timetable("0 2 * * *", "America/New_York"), date(2026, 1, 1)), 365):
        assert timedelta(hours=24) < run.run_after - run.partition_date < timedelta(hours=28)


def test_a_weekly_run_stands_on_the_day_before_not_on_the_week_before() -> None:
    run = next(list_runs(make_timetable("0 6 * * 1"), date(2026, 11, 17)))
    assert (str(run.run_after.date()), run.partition_key) == ("2026-11-23", "2026-11-22")


@pytest.mark.guarantee(18)
@pytest.mark.parametrize(("zone", "spring", "autumn"), CHANGES)
@pytest.mark.parametrize("cron", ["0 0 * * *", "30 1 * * *", "0 2 * * *", "30 2 * * *", "0 3 * * *"])
def test_each_day_of_a_clock_change_is_one_run_after_it_is_over(
    cron: str, zone: str, spring: date, autumn: date
) -> None:
    for change in (spring, autumn):
        days = [change + timedelta(days=offset) for offset in (-2, -1, 0, 1, 2)]
        runs = list(islice(list_runs(make_timetable(cron, zone), days[0]), 12))
        found = [run for run in runs if run.partition_key in map(str, days)]
        assert [run.partition_key for run in found] == [str(day) for day in days[-len(found) :]]
        assert len(found) >= 4
        for run in found:
            over = pendulum.parse(run.partition_key, tz=zone).add(days=1)
            assert over <= run.run_after < over.add(days=1)
        backfilled = list_backfill(make_timetable(cron, zone), str(days[0]), str(days[-1]))
        assert backfilled == [str(day) for day in days]


@pytest.mark.guarantee(18)
@pytest.mark.parametrize("zone", ZONES)
def test_a_backfill_runs_the_first_day_the_last_day_and_all_between(zone: str) -> None:
    keys = list_backfill(make_timetable("0 2 * * *", zone), "2026-03-07", "2026-03-10")
    assert keys == ["2026-03-07", "2026-03-08", "2026-03-09", "2026-03-10"]


def test_a_backfill_of_one_day_runs_that_day() -> None:
    assert list_backfill(make_timetable("0 2 * * *"), "2026-03-07", "2026-03-07") == ["2026-03-07"]


def test_a_backfill_runs_a_day_once_however_often_the_schedule_ticks() -> None:
    assert list_backfill(make_timetable("*/5 * * * *"), "2026-03-07", "2026-03-08") == ["2026-03-07", "2026-03-08"]


def test_runs_by_hand_by_schedule_and_of_a_backfill_are_the_same_partition_to_airflow() -> None:
    """A backfill recognises what already ran by the partition's date."""
    timetable = make_timetable("0 2 * * *", "America/New_York")
    scheduled = next(list_runs(timetable, date(2026, 11, 20)))
    (backfilled,) = timetable.iter_partition_dagrun_infos(
        earliest=datetime(2026, 11, 19, tzinfo=UTC), latest=datetime(2026, 11, 19, tzinfo=UTC)
    )
    by_hand = timetable.resolve_partition_date("2026-11-19")
    assert scheduled.partition_key == backfilled.partition_key == "2026-11-19"
    assert scheduled.partition_date == backfilled.partition_date == by_hand
    assert backfilled.run_after == by_hand


def test_runs_that_0_1_recorded_still_find_their_timetable() -> None:
    """By the name that Airflow's history has for it; otherwise the pages of those runs fail."""
    recorded = {
        "__type": "include.orchestration.timetables.DayBeforeTimetable",
        "__var": {"expression": "0 2 * * *", "timezone": "UTC"},
    }
    assert decode_timetable(recorded) == run_for_day_before("0 2 * * *", "UTC")
