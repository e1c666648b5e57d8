"""The same rows every night are refused; the same keys with new outcomes are not."""

import numpy as np
import pytest

from benchmarks.decisions.snapshots import WORLDS, find_overlap
from nightshift.core.evaluation.overlap import Overlap
from nightshift.core.gate.case import GateCase
from nightshift.core.gate.overlap import check_overlap
from nightshift.core.gate.rule import Rule
from tests.kits.gate import make_evidence, make_gate


def check(overlap: Overlap | None) -> Rule | None:
    return check_overlap(GateCase(make_evidence(overlap=overlap), make_gate(), "classification", "roc_auc", 7))


@pytest.mark.parametrize("name", WORLDS)
def test_only_rows_that_come_again_with_their_outcome_are_refused(name: str) -> None:
    draw, refused = WORLDS[name]
    rule = check(find_overlap(draw(np.random.default_rng(5))))
    assert rule is not None
    assert rule.passed is not refused
    assert ("the same rows come every day" in rule.reason) is refused


def test_the_figures_are_shares_of_the_held_out_rows() -> None:
    rule = check(Overlap(0.75, 0.25, np.nan))
    assert rule is not None
    assert rule.passed is True
    assert rule.figures["keys"] == 0.75
    assert "75% of the held-out rows have a key that was fitted, 25% all features as well" in rule.reason
    assert check(None) is None
