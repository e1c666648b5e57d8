"""Small losses that the gate accepts one by one do not add up to more than a margin."""

import numpy as np
import pytest

from nightshift.core.gate.best_champion import Succession, check_best_champion, find_best_champion
from nightshift.core.gate.case import GateCase
from nightshift.core.gate.rule import Rule
from tests.kits.gate import blur, draw_signal, make_evidence, make_gate, squash

TARGET, SIGNAL = draw_signal()
FIRST = Succession(1, None, None)


def check(candidate: np.ndarray, best: np.ndarray | None, **gate: object) -> Rule | None:
    evidence = make_evidence(candidate=candidate, champion=candidate, best=best, best_version=1)
    return check_best_champion(GateCase(evidence, make_gate(**gate), "classification", "roc_auc", 7))


@pytest.mark.parametrize(
    ("champion", "successions", "best"),
    [
        (1, [FIRST], 1),
        (3, [Succession(3, 2, -0.01), Succession(2, 1, -0.01), FIRST], 1),
        (3, [Succession(3, 2, -0.01), Succession(2, 1, 0.01), FIRST], 2),
        (3, [Succession(3, 2, 0.001), Succession(2, 1, -0.01), FIRST], 3),
        (2, [Succession(2, 3, None), Succession(3, 2, -0.01), Succession(2, 1, -0.01), FIRST], 2),
        (2, [], 2),
    ],
    ids=["the first", "two small losses", "a gain, a loss", "a gain at last", "put back by hand", "no history"],
)
def test_the_best_champion_is_the_last_that_proved_better(
    champion: int, successions: list[Succession], best: int
) -> None:
    assert find_best_champion(champion, successions) == best


def test_a_candidate_that_fell_behind_in_small_steps_is_refused_although_the_champion_did_too() -> None:
    rule = check(blur(SIGNAL, 1.5), squash(SIGNAL))
    assert rule is not None
    assert rule.passed is False
    assert "against version 1, the last that proved better" in rule.reason
    assert "what was given up since then adds up" in rule.reason


def test_an_equal_one_passes_and_nothing_is_asked_where_the_champion_is_the_best() -> None:
    rule = check(squash(SIGNAL), squash(SIGNAL))
    assert rule is not None
    assert rule.passed is True
    assert check(squash(SIGNAL), None) is None
    assert check(squash(SIGNAL), squash(SIGNAL), policy="superior") is None


def test_a_best_champion_that_gives_no_numbers_keeps_nobody_out() -> None:
    rule = check(squash(SIGNAL), np.full(len(SIGNAL), np.nan))
    assert rule is not None
    assert rule.passed is True
    assert "can't be compared with any more" in rule.reason
