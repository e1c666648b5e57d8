"""Which sizes stop a batch: by weekday, by how much days differ, and not for ever."""

from datetime import date, timedelta

import pytest

from nightshift.core.batch.volume import Delivery, find_size_problem, find_usual_size

MONDAY = date(2026, 1, 5)


def make_weeks(weeks: int, weekday: int = 5000, weekend: int = 4) -> list[Delivery]:
    days = [MONDAY + timedelta(days=number) for number in range(7 * weeks)]
    return [Delivery(day, weekday if day.weekday() < 5 else weekend) for day in days]


def is_stopped(day: date, rows: int, earlier: list[Delivery]) -> bool:
    return find_size_problem(day, rows, earlier) is not None


def test_a_short_history_stops_nothing() -> None:
    assert not is_stopped(MONDAY, 1, make_weeks(1)[:2])


@pytest.mark.parametrize(
    ("weekday", "rows", "stopped"), [(0, 5000, False), (0, 2500, True), (0, 4, True), (0, 10_000, True)]
)
def test_a_weekday_is_compared_with_its_like(weekday: int, rows: int, stopped: bool) -> None:
    assert is_stopped(MONDAY + timedelta(days=56 + weekday), rows, make_weeks(8)) is stopped


@pytest.mark.parametrize(("rows", "stopped"), [(1, False), (4, False), (11, False), (5000, True)])
def test_a_weekend_of_four_rows_is_right_and_its_range_is_that_of_counting(rows: int, stopped: bool) -> None:
    assert is_stopped(MONDAY + timedelta(days=61), rows, make_weeks(8)) is stopped


def test_a_table_that_starts_with_weekdays_stops_two_weekend_days_and_no_more() -> None:
    known: list[Delivery] = []
    for delivery in make_weeks(20):
        stopped = is_stopped(delivery.day, delivery.rows, known[-60:])
        known.append(Delivery(delivery.day, delivery.rows, not stopped))
    assert [each.day for each in known if not each.accepted] == [MONDAY + timedelta(days=5), MONDAY + timedelta(days=6)]


def test_a_new_size_is_usual_from_its_third_day_on() -> None:
    known = make_weeks(8, weekend=5000)
    stopped = []
    for number in range(56, 70):
        day = MONDAY + timedelta(days=number)
        stopped.append(is_stopped(day, 1500, known))
        known.append(Delivery(day, 1500, not stopped[-1]))
    assert stopped == [True, True] + [False] * 12


def test_two_broken_files_of_different_sizes_make_nothing_usual() -> None:
    known = make_weeks(8, weekend=5000)
    known += [Delivery(MONDAY + timedelta(days=56), 40, False), Delivery(MONDAY + timedelta(days=57), 900, False)]
    assert is_stopped(MONDAY + timedelta(days=58), 40, known)


def test_months_are_compared_with_one_another() -> None:
    months = [Delivery(date(2023 + number // 12, 1 + number % 12, 1), 30_000) for number in range(30)]
    usual = find_usual_size(date(2025, 7, 1), months)
    assert usual is not None and usual.of == "the last 8 partitions"
    assert is_stopped(date(2025, 7, 1), 15_000, months)


def test_a_ratio_of_the_suite_holds_and_null_takes_any_size() -> None:
    assert find_size_problem(MONDAY + timedelta(days=56), 2500, make_weeks(8), 3.0) is None
    assert "is 1.5" in str(find_size_problem(MONDAY + timedelta(days=56), 2500, make_weeks(8), 1.5))
    assert find_size_problem(MONDAY, 1, make_weeks(8), None) is None
