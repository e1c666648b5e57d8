"""Only days after what the champion was fitted on are evidence against it."""

from datetime import date
from typing import Any

import numpy as np

from nightshift.core.gate import Evidence, Rule
from nightshift.core.gate.case import GateCase
from nightshift.core.gate.champion import check_champion
from nightshift.core.gate.quality import check_calibration
from nightshift.core.gate.slices import check_slices
from nightshift.core.gate.unseen import take_unseen
from tests.kits.gate import ROWS, draw_signal, make_evidence, make_gate, squash

TARGET, SIGNAL = draw_signal()


def make_case(evidence: Evidence, **gate: Any) -> GateCase:
    return GateCase(evidence, make_gate(**gate), "classification", "roc_auc", 7)


def make_half_seen() -> Evidence:
    """14 days; the champion knows the outcomes of the first seven by heart, and nothing else."""
    known = make_evidence().days < np.datetime64("2026-01-08")
    champion = np.where(known, 0.01 + 0.98 * TARGET, squash(-SIGNAL))
    return make_evidence(champion=champion, champion_fitted_to=date(2026, 1, 7))


def test_rows_that_the_champion_was_fitted_on_do_not_count() -> None:
    evidence = make_half_seen()
    rule = check_champion(make_case(evidence))
    assert rule.passed is True
    assert rule.figures["rows"] == ROWS // 2
    assert rule.figures["champion"] < 0.5
    assert check_champion(make_case(make_evidence(champion=evidence.champion))).passed is not True


def test_slices_and_the_champions_calibration_are_of_the_same_rows() -> None:
    evidence = make_half_seen()
    slices = check_slices(make_case(evidence, slices={"columns": ("shop",), "min_rows": 20}))
    assert slices.passed is True
    assert sum(line["rows"] for line in slices.figures["slices"] if not line["found"]) == ROWS // 2
    calibration = check_calibration(evidence, make_gate(), 0.15)
    assert calibration.figures["champion"] > 0.3


def test_too_few_new_rows_are_unclear_and_the_day_is_named() -> None:
    evidence = make_evidence(champion_fitted_to=date(2026, 1, 13))
    rule: Rule = check_champion(make_case(evidence))
    assert rule.passed is None
    assert "version 3 was fitted on days up to 2026-01-13, so 71 of 1000 held-out rows are new to it" in rule.reason
    assert "train on outcomes up to 2026-01-18 or later" in rule.reason
    assert check_slices(make_case(evidence)).passed is None


def test_with_no_new_day_at_all_nothing_is_measured() -> None:
    rule = check_champion(make_case(make_evidence(champion_fitted_to=date(2027, 1, 1))))
    assert rule.passed is None
    assert "so 0 of 1000" in rule.reason


def test_without_a_champion_or_before_its_days_all_rows_are_taken() -> None:
    evidence = make_evidence()
    assert take_unseen(evidence) is evidence
    earlier = make_evidence(champion_fitted_to=date(2025, 12, 31))
    assert take_unseen(earlier) is earlier
