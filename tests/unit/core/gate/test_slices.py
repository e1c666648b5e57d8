"""The slices: no group of rows may pay for the others' gain, and looking at many finds no harm in noise."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightshift.core.gate import Evidence, Rule
from nightshift.core.gate.case import GateCase
from nightshift.core.gate.groups import find_weak_groups, list_groups
from nightshift.core.gate.slices import check_slices, reject_holm
from tests.kits.gate import blur, draw_signal, make_evidence, make_gate, make_rows, squash

ROWS = 4_000
TARGET, SIGNAL = draw_signal(ROWS)
EQUAL = {"target": TARGET, "candidate": blur(SIGNAL, 0.4, 8), "champion": blur(SIGNAL, 0.4, 9)}


def check(evidence: Evidence, **slices: Any) -> Rule:
    return check_slices(GateCase(evidence, make_gate(slices=slices), "classification", "roc_auc", 7))


def spoil(inside: np.ndarray, noise: float = 3.0) -> np.ndarray:
    return np.where(inside, blur(SIGNAL, noise, 10), EQUAL["candidate"])


def find_line(rule: Rule, name: str) -> dict[str, Any]:
    return next(line for line in rule.figures["slices"] if line["slice"] == name)


def test_equal_models_are_no_worse_anywhere() -> None:
    rule = check(make_evidence(**EQUAL), columns=("shop", "spent"))
    assert rule.passed is True, rule.reason
    names = {line["slice"] for line in rule.figures["slices"]}
    assert {"shop = a", "shop = b", "shop = c", "shop = d"} <= names
    assert sum("spent" in name and "=" not in name.replace("<=", "") for name in names) >= 4


def test_a_slice_that_is_much_worse_fails_and_is_named() -> None:
    rule = check(make_evidence(**{**EQUAL, "candidate": spoil(np.arange(ROWS) % 4 == 1)}), columns=("shop",))
    assert rule.passed is False
    assert "shop = b (1000 rows, gain -" in rule.reason
    line = find_line(rule, "shop = b")
    assert (line["verdict"], line["passed"], line["rows"]) == ("worse", False, 1000)
    assert line["p"] < 0.01
    assert find_line(rule, "shop = a")["verdict"] == "no worse"


def test_a_weak_slice_is_found_without_being_configured() -> None:
    rows = make_rows(ROWS)
    inside = (rows["spent"] > 0.8).to_numpy()
    rule = check(make_evidence(**{**EQUAL, "candidate": spoil(inside)}, rows=rows))
    assert rule.passed is False
    assert "spent > " in rule.reason
    assert all(line["found"] for line in rule.figures["slices"])
    assert check(make_evidence(**{**EQUAL, "candidate": spoil(inside)}, rows=rows), find_weak=False).passed is True


def test_weak_slices_of_categories_are_named_by_them() -> None:
    rule = check(make_evidence(**{**EQUAL, "candidate": spoil(np.isin(np.arange(ROWS) % 4, (0, 3)))}))
    assert rule.passed is False
    assert "shop in (a, d)" in rule.reason or "shop in (d, a)" in rule.reason


def test_a_found_slice_is_judged_on_rows_that_did_not_choose_it() -> None:
    """On the half that it was chosen on, the harm of a group in pure noise would look real."""
    generator = np.random.default_rng(0)
    rows = pd.DataFrame(generator.normal(size=(ROWS, 6)), columns=list("abcdef"))
    harms = []
    for seed in range(10):
        harm = generator.normal(size=ROWS)
        harms += [harm[group.mask].mean() for group in find_weak_groups(rows, harm, 100, seed)]
        seen = np.zeros(ROWS, dtype=bool)
        seen[np.random.default_rng(seed).permutation(ROWS)[: ROWS // 2]] = True
        assert not any((group.mask & seen).any() for group in find_weak_groups(rows, harm, 100, seed))
    assert abs(np.mean(harms)) < 0.03


def test_groups_in_which_the_candidate_does_better_are_not_weak() -> None:
    rows = make_rows(ROWS)
    harm = np.where(rows["spent"] > 0, -1.0, -2.0)
    assert find_weak_groups(rows, harm, 200, 7) == []
    assert len(find_weak_groups(rows, harm + 1.5, 200, 7)) == 1


def test_too_few_rows_are_not_searched() -> None:
    rows = make_rows(799)
    assert find_weak_groups(rows, np.arange(799.0), 200, 7) == []
    assert find_weak_groups(make_rows(800), make_rows(800)["spent"].to_numpy(), 200, 7) != []


def test_tiny_slices_and_slices_of_one_class_are_listed_as_not_judged() -> None:
    shops = np.where(np.arange(ROWS) < 50, "tiny", np.where(TARGET == 0, "quiet", "loud")).astype(object)
    shops[np.arange(ROWS) % 3 == 0] = "usual"
    rule = check(make_evidence(**EQUAL, rows=pd.DataFrame({"shop": shops})), columns=("shop",), find_weak=False)
    assert rule.passed is True
    assert find_line(rule, "shop = tiny")["verdict"] == "not evaluated"
    assert "min_rows is 200" in find_line(rule, "shop = tiny")["reason"]
    assert "0 rows of one class" in find_line(rule, "shop = quiet")["reason"]
    assert rule.figures["judged"] == 1


def test_configured_slices_of_which_none_can_be_judged_are_unclear() -> None:
    rule = check(make_evidence(**EQUAL), columns=("shop",), min_rows=1001)
    assert rule.passed is None
    assert "gate.slices.min_rows" in rule.reason


def test_without_a_champion_the_slices_are_only_described() -> None:
    rule = check(make_evidence(**{**EQUAL, "champion": None}, champion_version=None), columns=("shop",))
    assert rule.passed is True
    assert find_line(rule, "shop = a")["candidate"] > 0.7


def test_a_champion_that_cant_be_judged_leaves_the_slices_unclear() -> None:
    assert check(make_evidence(**{**EQUAL, "champion": None}, champion_problem="gone")).passed is None
    assert check(make_evidence(**{**EQUAL, "candidate": None})).passed is None
    assert check(make_evidence(**{**EQUAL, "candidate": np.full(ROWS, np.nan)})).passed is None


def test_the_slices_margin_is_twice_the_champions_unless_set() -> None:
    evidence = make_evidence(**EQUAL)
    wide = check_slices(GateCase(evidence, make_gate(champion_margin=0.02), "classification", "roc_auc", 7))
    assert wide.figures["margin"] == 0.04
    assert check(evidence, margin=0.3).figures["margin"] == 0.3
    bad = make_evidence(**{**EQUAL, "candidate": spoil(np.arange(ROWS) % 4 == 1)})
    assert check(bad, columns=("shop",), margin=0.9).passed is True


def test_identical_predictions_are_no_worse_in_any_slice() -> None:
    rule = check(make_evidence(**{**EQUAL, "candidate": EQUAL["champion"]}), columns=("shop",), margin=1e-12)
    assert rule.passed is True
    assert {line["gain"] for line in rule.figures["slices"]} == {0.0}


def test_slices_of_a_regression_are_judged_by_its_own_metric() -> None:
    target = SIGNAL + np.random.default_rng(4).normal(size=ROWS)
    worse = np.where(np.arange(ROWS) % 4 == 2, -SIGNAL, SIGNAL)
    evidence = make_evidence(target=target, candidate=worse, champion=SIGNAL, baseline=np.full(ROWS, target.mean()))
    rule = check_slices(GateCase(evidence, make_gate(slices={"columns": ("shop",)}), "regression", "rmse", 7))
    assert rule.passed is False
    assert "shop = c" in rule.reason


def test_odd_columns_are_sliced_without_losing_a_row() -> None:
    rows = pd.DataFrame(
        {
            "flag": pd.Series([True, False, None, True], dtype="boolean"),
            "few": [1.0, 2.0, np.nan, 1.0],
            "text": ["x", None, "y", "x"],
            "same": [5.0] * 4,
            "empty": [np.nan] * 4,
        }
    )
    for name in rows:
        masks = [group.mask for group in list_groups(rows, [name])]
        np.testing.assert_array_equal(np.sum(masks, axis=0), np.ones(4))
    assert [group.name for group in list_groups(rows, ["text"])] == ["text = x", "text = y", "text is missing"]
    assert list_groups(rows, ["unknown"]) == []


@given(st.lists(st.one_of(st.floats(-1e6, 1e6), st.none()), min_size=1, max_size=60))
@settings(max_examples=60, deadline=None)
def test_the_slices_of_a_column_part_its_rows(values: list[float | None]) -> None:
    rows = pd.DataFrame({"x": pd.Series(values, dtype="float64")})
    masks = [group.mask for group in list_groups(rows, ["x"])]
    np.testing.assert_array_equal(np.sum(masks, axis=0), np.ones(len(values)))


def test_a_tree_can_look_at_columns_of_every_kind() -> None:
    generator = np.random.default_rng(5)
    rows = pd.DataFrame(
        {
            "flag": pd.Series(generator.random(ROWS) > 0.5, dtype="boolean"),
            "text": generator.choice(np.array(["x", "y", None], dtype=object), ROWS),
            "number": np.where(generator.random(ROWS) < 0.2, np.nan, generator.normal(size=ROWS)),
            "endless": np.where(generator.random(ROWS) < 0.1, np.inf, 1.0),
            "empty": np.full(ROWS, np.nan),
            "kind": pd.Categorical(generator.choice(["p", "q"], ROWS)),
        }
    )
    harm = np.where(rows["text"].isna(), 1.0, 0.0) + 0.1 * generator.normal(size=ROWS)
    groups = find_weak_groups(rows, harm, 200, 7)
    assert "missing" in groups[0].name
    assert rows["text"][groups[0].mask].isna().all()


def test_holm_is_the_published_procedure() -> None:
    assert reject_holm([], 0.05) == []
    assert reject_holm([0.01, 0.04, 0.03, 0.005], 0.05) == [True, False, False, True]
    assert reject_holm([0.04], 0.05) == [True]
    assert reject_holm([0.04, 0.04], 0.05) == [False, False]
    assert reject_holm([0.02, 0.05], 0.05) == [True, True]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.floats(0.001, 0.3))
def test_holm_refutes_what_bonferroni_does_and_nothing_above_the_risk(p_values: list[float], risk: float) -> None:
    rejected = reject_holm(p_values, risk)
    assert all(found for p, found in zip(p_values, rejected, strict=True) if p <= risk / len(p_values))
    assert not any(found for p, found in zip(p_values, rejected, strict=True) if p > risk)


def test_a_high_cardinality_column_is_sliced_by_its_largest_categories() -> None:
    rows = pd.DataFrame({"id": [str(number % 60) for number in range(120)] + ["big"] * 5})
    groups = list_groups(rows, ["id"])
    assert len(groups) == 50
    assert groups[0].name == "id = big"


def test_perfectly_separable_slices_do_not_break_the_rule() -> None:
    perfect = 0.1 + 0.8 * TARGET
    rule = check(make_evidence(target=TARGET, candidate=perfect, champion=squash(SIGNAL)), columns=("shop",))
    assert rule.passed is True
    assert all(np.isfinite(line["p"]) for line in rule.figures["slices"])
    with pytest.raises(StopIteration):
        find_line(rule, "shop = e")
