"""Which day a run is about, and what it says where nothing tells."""

from dataclasses import dataclass
from datetime import date

import pytest

from nightshift.errors import NightshiftError
from nightshift.orchestration.partitions import choose_as_of, choose_partition

DAY, OTHER = date(2026, 11, 20), date(2026, 11, 19)


@dataclass
class Run:
    """The part of a dag_run that matters here."""

    partition_key: str | None = None


def test_the_partition_key_says_the_day() -> None:
    assert choose_partition(Run("2026-11-20"), {"partition": None}) == DAY


def test_the_form_says_it_for_a_run_without_a_key() -> None:
    assert choose_partition(Run(), {"partition": "2026-11-20"}) == DAY


def test_the_same_day_twice_is_no_contradiction() -> None:
    assert choose_partition(Run("2026-11-20"), {"partition": "2026-11-20"}) == DAY


def test_two_different_days_are_refused() -> None:
    with pytest.raises(NightshiftError, match=r"2026-11-20.*2026-11-19.*only one"):
        choose_partition(Run("2026-11-20"), {"partition": "2026-11-19"})


def test_without_any_day_the_message_says_what_to_fill_in() -> None:
    with pytest.raises(NightshiftError, match="in Partition, or in Advanced Options, Partition Key, as 2026-11-20"):
        choose_partition(Run(), {})


@pytest.mark.parametrize(
    "key", ["tomorrow", "20261120", "2026-W47-5", "2026-02-30", "2026-11-20T00:00:00", "../../etc"]
)
def test_a_key_that_is_no_date_is_refused(key: str) -> None:
    """Airflow lets any key pass for asset-scheduled DAGs."""
    with pytest.raises(NightshiftError, match="is not a date"):
        choose_partition(Run(key), {})


def test_as_of_is_the_key_or_the_form_or_the_newest_partition() -> None:
    assert choose_as_of(Run("2026-11-20"), {"as_of": None}, lambda: OTHER) == DAY
    assert choose_as_of(Run(), {"as_of": "2026-11-20"}, lambda: OTHER) == DAY
    assert choose_as_of(Run(), {"as_of": None}, lambda: OTHER) == OTHER


def test_without_a_partition_there_is_nothing_to_stand_on() -> None:
    with pytest.raises(NightshiftError, match="Run the ingest DAG first"):
        choose_as_of(Run(), {"as_of": None}, lambda: None)
