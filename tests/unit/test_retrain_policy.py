"""Drift verdicts and what follows from them."""

from datetime import date

import pytest

from include.config.pipeline import Drift
from include.core.retrain_policy import DriftVerdict, decide_retraining, judge_drift

LIMITS = Drift(min_rows=100, column_limit=0.1, share_limit=0.5, cooldown=3)
DAY = date(2026, 1, 10)
DRIFTED = DriftVerdict(True, 0.5, "half of it moved")


@pytest.mark.parametrize(
    ("scores", "rows", "drifted", "share"),
    [
        ({"a": 0.2, "b": 0.0}, 1000, True, 0.5),
        ({"a": 0.2, "b": 0.0, "c": 0.0}, 1000, False, 1 / 3),
        ({"a": 0.1, "b": 0.1}, 1000, True, 1.0),
        ({"a": None, "b": 0.9}, 1000, None, None),
        ({"a": 0.2, "b": 0.9}, 5, None, None),
    ],
)
def test_the_verdict(scores: dict[str, float | None], rows: int, drifted: bool | None, share: float | None) -> None:
    verdict = judge_drift(scores, LIMITS, 1000, rows)
    assert (verdict.drifted, verdict.share) == (drifted, share)


def test_drift_retrains() -> None:
    assert decide_retraining(DRIFTED, DAY, None, LIMITS).decision == "retrain"


@pytest.mark.parametrize("drifted", [False, None])
def test_no_drift_and_unknown_never_retrain(drifted: bool | None) -> None:
    decided = decide_retraining(DriftVerdict(drifted, None, "so it is"), DAY, None, LIMITS)
    assert (decided.decision, decided.reason) == ("wait", "so it is")


@pytest.mark.parametrize(("last", "decision"), [(date(2026, 1, 8), "wait"), (date(2026, 1, 7), "retrain")])
def test_after_a_retraining_it_cools_down(last: date, decision: str) -> None:
    decided = decide_retraining(DRIFTED, DAY, last, LIMITS)
    assert decided.decision == decision
    assert decided.criteria["last_retraining"] == str(last)
