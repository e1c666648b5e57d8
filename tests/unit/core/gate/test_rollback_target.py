"""Which version "the one before" is."""

import pytest

from nightshift.core.gate.rollback_target import find_previous

ONE, TWO, THREE, FOUR = (("gate", version) for version in (1, 2, 3, 4))


@pytest.mark.parametrize(
    ("history", "previous"),
    [
        ([], None),
        ([ONE], None),
        ([ONE, TWO], 1),
        ([ONE, TWO, THREE], 2),
        ([ONE, TWO, ("manual", 1)], 2),
        ([ONE, TWO, ("approval", 3)], 2),
    ],
)
def test_it_is_the_champion_that_the_present_one_replaced(history: list[tuple[str, int]], previous: int | None) -> None:
    assert find_previous(history) == previous


def test_each_rollback_in_a_row_goes_one_further_back() -> None:
    """Never back and forth between the same two, of which one is known to be bad."""
    history = [ONE, TWO, THREE]
    for expected in (2, 1):
        assert find_previous(history) == expected
        history.append(("rollback", expected))
    assert find_previous(history) is None


def test_what_was_rolled_back_stays_away_after_the_next_promotion() -> None:
    assert find_previous([ONE, TWO, THREE, ("rollback", 2), ("rollback", 1), FOUR]) == 1
    assert find_previous([ONE, TWO, THREE, ("rollback", 2), FOUR]) == 2


def test_a_rollback_over_several_takes_all_of_them_away() -> None:
    assert find_previous([ONE, TWO, THREE, ("rollback", 1)]) is None
    assert find_previous([ONE, TWO, THREE, FOUR, ("rollback", 2)]) == 1


def test_a_rollback_to_what_an_earlier_rollback_took_away_counts_as_a_promotion() -> None:
    """Two was rolled back, then three by name: the one before three is where the first rollback led."""
    assert find_previous([ONE, TWO, THREE, ("rollback", 2), ("rollback", 3)]) == 2


def test_a_version_that_came_back_by_hand_is_there_twice() -> None:
    history = [ONE, TWO, THREE, ("manual", 1)]
    assert find_previous(history) == 3
    assert find_previous([*history, ("rollback", 3)]) == 2


def test_the_same_promotion_recorded_twice_is_no_step() -> None:
    assert find_previous([ONE, TWO, TWO]) == 1
