"""Distances, chance, faults and weights -> what moved."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from nightshift.config.sections.drift import Drift
from nightshift.core.drift.columns import Side, compare_column, find_fault, is_absent, make_unknown
from nightshift.core.drift.null_distribution import (
    NullDistribution,
    bind_categories,
    bind_new_categories,
    bind_numbers,
    find_critical_value,
)
from nightshift.core.drift.result import ColumnDrift, Kind, conclude_drift, weigh_columns
from nightshift.core.drift.window import Night, choose_nights, find_short_night
from nightshift.core.features.sampling import allocate_rows, match_mix
from nightshift.extension.drift_measures import find_distance
from nightshift.io.vendors import evidently as drift_report

LIMITS = Drift(share_limit=0.5)
DAY = date(2026, 1, 10)


def make_column(
    name: str, moved: bool | None, weight: float, kind: Kind = "numeric", broken: bool = False
) -> ColumnDrift:
    return ColumnDrift(name, kind, find_distance(kind).name, 0.2, 0.1, moved, weight, f"why {name}", broken=broken)


def make_null_distribution(
    values: np.ndarray, nights: np.ndarray | None = None, window: int = 1, current: int = 100
) -> NullDistribution:
    return NullDistribution(len(values), nights, window, current, len(values), seed=1)


@pytest.mark.parametrize(
    ("moved", "drifted", "share"),
    [
        ({"heavy": True, "light": False}, True, 0.7),
        ({"heavy": False, "light": True}, False, 0.3),
        ({"heavy": False, "light": False}, False, 0.0),
        ({"heavy": True, "light": None}, True, 0.7),
    ],
)
def test_columns_count_by_their_importance(moved: dict[str, bool | None], drifted: bool, share: float) -> None:
    weights = {"heavy": 0.7, "light": 0.3}
    verdict = conclude_drift([make_column(name, found, weights[name]) for name, found in moved.items()], LIMITS, [])
    assert (verdict.drifted, verdict.share) == (drifted, pytest.approx(share))
    assert all((f"why {name}" in verdict.reason) == bool(found) for name, found in moved.items())


def test_a_score_that_moved_is_drift_whatever_the_columns_do() -> None:
    columns = [make_column("a", False, 1.0), make_column("score", True, 0.0, "prediction")]
    assert conclude_drift(columns, LIMITS, []).drifted is True


def test_a_score_that_can_not_be_compared_blocks_nothing() -> None:
    columns = [make_column("a", False, 1.0), make_unknown("score", "prediction", 0.0, LIMITS, "no model")]
    assert conclude_drift(columns, LIMITS, []).drifted is False


def test_a_broken_column_makes_it_unknown_and_what_moved_besides_is_said() -> None:
    columns = [make_column("a", True, 0.9), make_column("b", None, 0.1, broken=True)]
    verdict = conclude_drift(columns, LIMITS, [])
    assert (verdict.drifted, verdict.share) == (None, None)
    assert "b why b" in verdict.reason
    assert "why a" in verdict.reason


@pytest.mark.parametrize(("columns", "problems"), [([make_column("a", True, 1.0)], ["few rows"]), ([], [])])
def test_too_little_to_compare_is_unknown(columns: list[ColumnDrift], problems: list[str]) -> None:
    assert conclude_drift(columns, LIMITS, problems).drifted is None


@pytest.mark.parametrize(
    ("importance", "absent", "weights"),
    [
        ({"a": {"mean": 0.3}, "b": {"mean": 0.1}, "c": {"mean": -0.2}}, (), {"a": 0.75, "b": 0.25, "c": 0.0}),
        ({"a": {"mean": 0.3}, "b": {"mean": 0.1}}, ("a",), {"a": 0.0, "b": 1.0, "c": 0.0}),
        ({"a": {"mean": None}, "b": {"mean": float("nan")}}, (), {"a": 1 / 3, "b": 1 / 3, "c": 1 / 3}),
        (None, ("c",), {"a": 0.5, "b": 0.5, "c": 0.0}),
    ],
)
def test_weights_are_shares_of_what_helps(importance: dict, absent: tuple, weights: dict[str, float]) -> None:  # type: ignore[type-arg]
    assert weigh_columns(["a", "b", "c"], importance, absent) == pytest.approx(weights)


def make_frame(values: object, days: int = 1) -> Side:
    rows = pd.DataFrame({"x": values})
    nights = np.datetime64("2026-01-01") + np.arange(len(rows)) * days // len(rows)
    return Side(rows, nights)


GOOD = make_frame(np.linspace(0, 1, 300), days=10)
FAULTS: dict[str, tuple[object, str]] = {
    "empty": (np.full(60, np.nan), "empty in the current window"),
    "text": (["1", "2"] * 30, "which is not numeric"),
    "one night is text": ([1.0] * 40 + ["x"] * 20, "which is not numeric"),
    "infinite": ([1.0] * 58 + [np.inf, -np.inf], "2 infinite values"),
    "lost in one of three nights": ([1.0] * 40 + [np.nan] * 20, "empty on 2026-01-03"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_the_data_is_named(name: str) -> None:
    values, message = FAULTS[name]
    assert message in str(find_fault("x", "numeric", GOOD, make_frame(values, days=3)))


def test_whole_columns_are_fine_and_missing_ones_are_not() -> None:
    assert find_fault("x", "numeric", GOOD, make_frame([1.0, np.nan, 2.0] * 20, days=3)) is None
    assert find_fault("gone", "numeric", GOOD, GOOD) == "is not in the reference"


def test_nights_without_values_are_no_fault_where_the_reference_has_such_nights() -> None:
    gaps = make_frame(np.where(np.arange(300) // 30 % 3 == 0, np.nan, 1.0), days=10)
    assert find_fault("x", "numeric", gaps, make_frame([1.0] * 40 + [np.nan] * 20, days=3)) is None


@pytest.mark.parametrize("nights", [3, 1])
def test_text_that_becomes_numbers_is_a_fault_be_it_in_one_night_of_the_window(nights: int) -> None:
    names = pd.DataFrame({"plan": ["basic", "plus", None, "7"] * 30})
    codes = pd.DataFrame({"plan": ["1", "2", None, "7"] * 30})
    days = np.repeat([np.datetime64(DAY + timedelta(days=number)) for number in range(3)], 40)
    window = pd.concat([names[: 40 * (3 - nights)], codes[: 40 * nights]], ignore_index=True)
    assert find_fault("plan", "categorical", Side(names, None), Side(names, days)) is None
    fault = find_fault("plan", "categorical", Side(names[names["plan"] != "7"], None), Side(window, days))
    assert fault == "holds numbers in the current window, and text in the reference"
    fault = find_fault("plan", "categorical", Side(codes, None), Side(names[names["plan"] != "7"], None))
    assert fault == "holds text in the current window, and numbers in the reference"


def test_empty_on_both_sides_is_nobodys_fault() -> None:
    empty = make_frame(np.full(60, np.nan))
    assert is_absent("x", empty, empty)
    assert not is_absent("x", GOOD, empty)


@pytest.mark.parametrize("window", [3, 14])
def test_a_few_rows_of_the_same_world_did_not_move(window: int) -> None:
    """Twenty-four rows a night: the distance alone is nearly always beyond the limit."""
    beyond = moved = 0
    for seed in range(20):
        generator = np.random.default_rng(seed)
        reference, current = generator.normal(size=60 * 24), generator.normal(size=window * 24)
        nights = np.repeat(np.arange(60).astype("datetime64[D]"), 24)
        then, now = pd.Series(reference), pd.Series(current)
        score = drift_report.measure_numbers(then, now)
        noise = make_null_distribution(reference, nights, window, len(current))
        beyond += score >= LIMITS.column_limit
        moved += bool(compare_column("x", "numeric", score, 1.0, (then, now), noise, LIMITS).drifted)
    assert moved <= 1
    assert window != 3 or beyond > 15


def draw_nights(seed: int, nights: int, rows: int, day: float) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return np.asarray(generator.normal(size=(nights, rows)) + day * generator.normal(size=(nights, 1)))


def test_what_nights_differ_by_is_chance_but_half_a_deviation_is_not() -> None:
    told = {0.0: 0, 1.0: 0}
    ignorant = 0
    for seed in range(20):
        drawn = draw_nights(seed, 63, 150, day=0.3)
        reference, nights = pd.Series(drawn[:60].ravel()), np.repeat(np.arange(60).astype("datetime64[D]"), 150)
        for shift in told:
            now = pd.Series(drawn[60:].ravel() + shift)
            score = drift_report.measure_numbers(reference, now)
            aware = make_null_distribution(drawn[:60].ravel(), nights, 3, len(now))
            told[shift] += bool(compare_column("x", "numeric", score, 1.0, (reference, now), aware, LIMITS).drifted)
            blind = make_null_distribution(drawn[:60].ravel(), None, 3, len(now))
            if shift == 0:
                ignorant += bool(compare_column("x", "numeric", score, 1.0, (reference, now), blind, LIMITS).drifted)
    assert ignorant > 5
    assert told[0.0] <= 1
    assert told[1.0] >= 18


def test_the_own_distances_are_those_of_evidently() -> None:
    """What chance is measured in must be what the verdict is measured in."""
    generator = np.random.default_rng(1)
    values, codes = np.append(generator.lognormal(size=400), np.nan), generator.integers(0, 7, 401)
    draws = make_null_distribution(values[:300], current=101).by_rows
    pairs = zip(draws.current[:5], draws.reference[:5], strict=True)
    for number, (now, then) in enumerate(pairs):
        numbers = [pd.Series(values[side]) for side in (then, now)]
        names = [pd.Series(codes[side].astype(str)) for side in (then, now)]
        assert bind_numbers(pd.Series(values))(draws)[number] == pytest.approx(drift_report.measure_numbers(*numbers))
        assert bind_categories(pd.Series(codes).where(codes >= 0))(draws)[number] == pytest.approx(
            drift_report.measure_categories(*names)
        )


def test_new_categories_and_missing_values_move_a_column_unless_they_are_chance() -> None:
    generator = np.random.default_rng(1)
    reference = pd.Series(generator.choice(list("abc"), 2000))
    noise = make_null_distribution(np.zeros(2000), current=600)
    kept = pd.Series(generator.choice(list("abc"), 600))
    renamed, lost = kept.mask(kept.index < 60, "new"), kept.mask(kept.index < 120, None)
    found = {
        name: compare_column("x", "categorical", 0.01, 1.0, (reference, side), noise, LIMITS)
        for name, side in (("kept", kept), ("renamed", renamed), ("lost", lost))
    }
    assert {name: column.drifted for name, column in found.items()} == {"kept": False, "renamed": True, "lost": True}
    assert (found["renamed"].new_share, found["renamed"].new_categories) == (pytest.approx(0.1), ("new",))
    assert (found["lost"].missing_reference, found["lost"].missing_current) == (0.0, pytest.approx(0.2))


def test_rare_names_that_a_sample_never_saw_are_chance() -> None:
    generator = np.random.default_rng(1)
    reference, current = (pd.Series(generator.integers(0, 3000, n).astype(str)) for n in (2000, 500))
    noise = make_null_distribution(np.zeros(2000), current=500)
    assert find_critical_value(bind_new_categories(noise.pool(reference, current)), noise) > 0.4
    score = drift_report.measure_categories(reference, current)
    assert compare_column("x", "categorical", score, 1.0, (reference, current), noise, LIMITS).drifted is False


def test_the_window_reaches_back_until_it_has_enough_rows() -> None:
    nights = [Night(DAY - timedelta(days=back), 40) for back in range(9, -1, -1)]
    assert choose_nights(nights, DAY - timedelta(days=2), 100) == 3
    assert choose_nights(nights, DAY - timedelta(days=2), 200) == 5
    assert choose_nights(nights, DAY - timedelta(days=2), 5000) == 10


def test_a_night_with_a_tenth_of_the_usual_rows_is_not_whole() -> None:
    nights = [Night(DAY - timedelta(days=back), 2000) for back in range(20, 0, -1)]
    assert find_short_night([*nights, Night(DAY, 5)]) == f"5 rows on {DAY}, 2,000 are usual"
    assert find_short_night([*nights, Night(DAY, 200)]) is None
    assert find_short_night([Night(DAY, 5)]) is None


def test_a_night_is_whole_beside_those_of_its_weekday() -> None:
    weeks = [DAY - timedelta(days=back) for back in range(28, -1, -1)]
    nights = [Night(day, 4 if day.weekday() == DAY.weekday() else 5000) for day in weeks]
    assert find_short_night(nights) is None
    assert find_short_night([*nights, Night(DAY + timedelta(days=1), 4)])


def test_samples_mix_the_nights_as_they_are_mixed() -> None:
    assert allocate_rows([100, 300, 600], [100, 300, 600], 10_000) == [100, 300, 600]
    assert allocate_rows([1000, 3000, 6000], [1000, 3000, 6000], 101) == [10, 30, 61]
    assert allocate_rows([1000, 1000], [100, 1000], 1000) == [100, 100]
    assert sum(allocate_rows([1, 1, 1], [1, 1, 1], 2)) == 2


def test_the_reference_is_mixed_as_the_window_and_strangers_are_left_out() -> None:
    reference, current = np.array([0] * 50 + [1] * 50), np.array([0] * 10 + [1] * 30 + [9] * 5)
    chosen, kept = match_mix(reference, current, seed=1)
    assert (len(chosen), (reference[chosen] == 1).mean()) == (100, 0.75)
    assert (kept.sum(), kept[-5:].any()) == (40, False)
    assert np.array_equal(chosen, match_mix(reference, current, seed=1)[0])
