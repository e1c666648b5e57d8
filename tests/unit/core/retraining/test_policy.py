"""The retrain policy: what asks for a training, and what holds it back."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from nightshift.config.sections.retrain import Retrain, Tolerance
from nightshift.core.retraining.policy import PastRequest, RetrainDecision, Signals, decide_retraining, find_cooldown

DAY = date(2026, 3, 1)
LIMITS = Retrain(min_drifted_runs=2, recent_runs=3, cooldown_days=7, min_new_labels=100)
BELOW = {"below": True, "value": 0.6, "limit": 0.7, "last": str(DAY), "reason": "below tolerance"}
WITHIN = {"below": False, "value": 0.8, "limit": 0.7, "last": str(DAY), "reason": "within tolerance"}
UNKNOWN = {"below": None, "value": 0.8, "limit": 0.7, "last": str(DAY), "reason": "unknown: 3 rows"}
CALM = Signals(
    as_of=DAY,
    today=DAY + timedelta(days=1),
    drifted=(False, False, False),
    drift_reason="nothing moved",
    window_from=DAY - timedelta(days=2),
    broken=(),
    realised=WITHIN,
    estimated=WITHIN,
    judged_to=DAY - timedelta(days=2),
    matured_to=DAY,
    requests=(),
    new_labels=5000,
)
DRIFTED = replace(CALM, drifted=(True, True, False), drift_reason="spent moved")


def ask(back: int = 30, improved: bool | None = True, is_open: bool = False, on: date | None = None) -> PastRequest:
    """A request of `back` days ago."""
    as_of = DAY - timedelta(days=back)
    return PastRequest(f"drift__{as_of}", as_of, on or as_of + timedelta(days=1), is_open, improved)


def find_held(decided: RetrainDecision) -> set[str]:
    return {found.name for found in decided.criteria if found.kind == "guard" and not found.met}


def find_asking(decided: RetrainDecision) -> set[str]:
    return {found.name for found in decided.criteria if found.kind == "cause" and found.met}


def test_a_calm_night_waits_and_says_every_criterion() -> None:
    decided = decide_retraining(CALM, LIMITS)
    assert decided.decision == "wait"
    names = ["drift", "realised", "estimated", "age", "data", "open_request", "cooldown", "budget", "new_labels"]
    assert [found.name for found in decided.criteria] == names


@pytest.mark.parametrize(
    ("drifted", "asks"),
    [
        ((True, True, False), True),
        ((True, False, True), True),
        ((True, False, False), False),
        # It is over.
        ((False, True, True), False),
        # Too far back.
        ((True, False, False, True), False),
        # Tonight could not be told, whatever the nights before said.
        ((None, True, True), None),
        ((), None),
    ],
)
def test_drift_counts_tonight_and_on_enough_nights(drifted: Sequence[bool | None], asks: bool | None) -> None:
    decided = decide_retraining(replace(CALM, drifted=drifted), LIMITS)
    assert decided.criteria[0].met is asks
    assert decided.decision == ("retrain" if asks else "wait")


@pytest.mark.parametrize(
    ("realised", "decision"),
    [
        (WITHIN, "wait"),
        ({**WITHIN, "last": str(DAY - timedelta(days=2))}, "wait"),
        # Outcomes of the nights that drifted are not known yet.
        ({**WITHIN, "last": str(DAY - timedelta(days=3))}, "retrain"),
        (UNKNOWN, "retrain"),
        (None, "retrain"),
    ],
)
def test_drift_that_proved_harmless_can_wait(realised: dict[str, Any] | None, decision: str) -> None:
    limits = LIMITS.model_copy(update={"harmless_drift": "wait"})
    assert decide_retraining(replace(DRIFTED, realised=realised), limits).decision == decision
    assert decide_retraining(replace(DRIFTED, realised=realised), LIMITS).decision == "retrain"


@pytest.mark.parametrize("which", ["realised", "estimated"])
@pytest.mark.parametrize(
    ("record", "decision"), [(BELOW, "retrain"), (WITHIN, "wait"), (UNKNOWN, "wait"), (None, "wait")]
)
def test_performance_out_of_the_band_retrains_and_unknown_does_not(
    which: str, record: dict[str, Any] | None, decision: str
) -> None:
    decided = decide_retraining(replace(CALM, **{which: record}), LIMITS)
    assert decided.decision == decision
    if record is BELOW:
        assert "below tolerance" in decided.reason


def test_estimates_can_be_left_out() -> None:
    limits = LIMITS.model_copy(update={"performance": Tolerance(estimated=False)})
    assert decide_retraining(replace(CALM, estimated=BELOW), limits).decision == "wait"


@pytest.mark.parametrize(("max_age", "decision"), [(None, "wait"), (29, "wait"), (28, "retrain")])
def test_age(max_age: int | None, decision: str) -> None:
    signals = replace(CALM, judged_to=DAY - timedelta(days=28))
    assert decide_retraining(signals, LIMITS.model_copy(update={"max_age_days": max_age})).decision == decision


@pytest.mark.parametrize(("newer", "decision"), [(6, "wait"), (7, "retrain")])
def test_by_default_a_week_of_new_outcomes_is_worth_a_trial(newer: int, decision: str) -> None:
    assert decide_retraining(replace(CALM, judged_to=DAY - timedelta(days=newer)), Retrain()).decision == decision


def test_days_whose_outcomes_are_not_known_do_not_age_the_champion() -> None:
    """Outcomes take thirty days: the champion's data are a month old on its first night."""
    late = DAY - timedelta(days=30)
    assert decide_retraining(replace(CALM, judged_to=late, matured_to=late), Retrain()).decision == "wait"


def test_a_loss_that_outcomes_prove_does_not_wait_for_trials_that_did_not_pay() -> None:
    """A calm year taught that trials do not pay; it says nothing of a change of last week."""
    trials = tuple(ask(back, improved=False) for back in (8, 60, 90, 110))
    asked = {"requests": trials, "judged_to": DAY - timedelta(days=20)}
    assert find_held(decide_retraining(replace(CALM, **asked), LIMITS)) == {"cooldown"}
    assert decide_retraining(replace(CALM, **asked, estimated=BELOW), LIMITS).decision == "wait"
    assert decide_retraining(replace(CALM, **asked, realised=BELOW), LIMITS).decision == "retrain"


def test_a_proven_loss_waits_the_plain_cooldown() -> None:
    decided = decide_retraining(replace(CALM, requests=(ask(6, improved=False),), realised=BELOW), LIMITS)
    assert find_held(decided) == {"cooldown"}
    assert "7 days of cooldown" in decided.reason


@pytest.mark.parametrize(
    ("changes", "guard"),
    [
        ({"broken": ("spent",)}, "data"),
        ({"requests": (ask(30, None, is_open=True),)}, "open_request"),
        ({"requests": (ask(6),)}, "cooldown"),
        ({"requests": (ask(30, on=DRIFTED.today),)}, "budget"),
        ({"new_labels": 99}, "new_labels"),
    ],
)
def test_each_guard_alone_holds_a_retraining_back_and_says_so(changes: dict[str, Any], guard: str) -> None:
    decided = decide_retraining(replace(DRIFTED, **changes), LIMITS)
    assert (decided.decision, find_held(decided), find_asking(decided)) == ("wait", {guard}, {"drift"})
    assert "spent moved" in decided.reason


def test_nothing_holds_it_back_once_the_guards_are_satisfied() -> None:
    satisfied = replace(DRIFTED, requests=(ask(7), ask(30)), new_labels=100)
    assert decide_retraining(satisfied, LIMITS).decision == "retrain"


@pytest.mark.parametrize(
    ("improved", "days"),
    [([], 7), ([True], 7), ([False], 14), ([None, False], 28), ([False, True, False, False], 14), ([False] * 9, 180)],
)
def test_trainings_that_do_not_pay_lengthen_the_cooldown_until_one_does(improved: list[bool | None], days: int) -> None:
    """Newest first. What expired did not pay either."""
    assert find_cooldown([ask(30, outcome) for outcome in improved], LIMITS) == days


def test_a_training_that_is_not_over_has_not_failed_yet() -> None:
    assert find_cooldown([ask(1, None, is_open=True), ask(30, True)], LIMITS) == 7


def test_many_failures_do_not_overflow() -> None:
    assert find_cooldown([ask(30, False)] * 5000, LIMITS) == 180


def test_the_cooldown_looks_at_no_request_of_a_later_day() -> None:
    """A drift run of a past day, run again."""
    decided = decide_retraining(replace(DRIFTED, requests=(ask(-3),)), LIMITS)
    assert "cooldown" not in find_held(decided)


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"min_drifted_runs": 4, "recent_runs": 3}, "min_drifted_runs"), ({"cooldown_days": 200}, "max_cooldown_days")],
)
def test_limits_that_contradict_each_other_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Retrain(**settings)
