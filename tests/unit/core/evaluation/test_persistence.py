"""A guess from the last outcomes sees what was known at the time of scoring, and nothing later."""

from datetime import timedelta

import numpy as np
import pandas as pd

from nightshift.core.evaluation.persistence import Known, guess_from_last
from nightshift.core.gate.case import GateCase
from nightshift.core.gate.naive import check_naive
from tests.kits.gate import draw_signal, make_evidence, make_gate, squash

START = np.datetime64("2026-01-05")


def make_known(values: list[float], first: int = 0, key: str = "a") -> Known:
    days = START + np.arange(first, first + len(values))
    return Known(pd.DataFrame({"id": [key] * len(values)}), days, np.array(values))


def test_the_last_outcome_is_as_old_as_outcomes_take() -> None:
    known, held = make_known([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]), make_known([9.0, 10.0, 11.0], first=8)
    assert guess_from_last(known, held, 1, average=False)["last outcome"].tolist() == [8.0, 9.0, 10.0]
    assert guess_from_last(known, held, 3, average=False)["last outcome"].tolist() == [6.0, 7.0, 8.0]


def test_the_same_weekday_is_a_week_ago_or_two_where_that_is_not_known() -> None:
    known, held = make_known([float(day) for day in range(21)]), make_known([0.0, 0.0], first=21)
    found = guess_from_last(known, held, 1, average=False)
    assert found["last outcome of the weekday"].tolist() == [14.0, 15.0]
    late = guess_from_last(known, held, 8, average=False)
    assert late["last outcome of the weekday"].tolist() == [7.0, 8.0]


def test_probabilities_are_means_that_start_at_the_share_of_all() -> None:
    known, held = make_known([1.0, 0.0, 1.0, 1.0]), make_known([0.0], first=4)
    assert guess_from_last(known, held, 1, average=True)["last outcome"].tolist() == [(3 + 0.75) / 5]


def test_keys_that_never_come_again_have_no_guess_and_times_count_by_the_hour() -> None:
    assert guess_from_last(make_known([1.0] * 9), make_known([1.0], first=9, key="new"), 1, average=False) == {}
    hours = [pd.Timestamp("2026-01-05 08:00") + timedelta(days=day) for day in range(10)]
    frame, days = pd.DataFrame({"at": hours}), START + np.arange(10)
    values = np.arange(10.0)
    known, held = Known(frame[:9], days[:9], values[:9]), Known(frame[9:], days[9:], values[9:])
    assert guess_from_last(known, held, 1, average=False)["last outcome"].tolist() == [8.0]


def test_the_gate_refuses_what_is_no_better_than_a_guess_and_says_by_how_much_others_are() -> None:
    target, signal = draw_signal()
    strong, weak = squash(signal), np.full(len(target), 0.4)
    for guess, candidate, passed in ((weak, strong, True), (strong, weak, False), (strong, strong, False)):
        evidence = make_evidence(candidate=candidate, naive={"last outcome": guess})
        rule = check_naive(GateCase(evidence, make_gate(), "classification", "roc_auc", 7))
        assert rule is not None
        assert rule.passed is passed
        assert "roc_auc of the last outcome" in rule.reason
    assert check_naive(GateCase(make_evidence(), make_gate(), "classification", "roc_auc", 7)) is None
