"""The bootstrap: every weighted metric is scikit-learn's, and the interval is what it says."""

import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from nightshift.core.evaluation import bootstrap as resampling
from nightshift.core.evaluation.bootstrap import (
    Interval,
    Resampling,
    bootstrap_gain,
    bootstrap_metric,
    draw_weights,
    make_interval,
)
from nightshift.core.evaluation.metrics import measure
from nightshift.core.evaluation.weighted_metrics import bind_metric, measure_losses, measure_rows
from nightshift.extension import metrics as registry
from nightshift.extension.metrics import list_metrics

METRICS = [metric.name for metric in registry.METRICS if metric.bind]
HOW = Resampling(resamples=200, confidence=0.95, seed=7)


def draw(metric: str, rows: int = 300, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A target and two predictions with many ties; probabilities reach exactly 0 and 1 nowhere but in ties' ends."""
    generator = np.random.default_rng(seed)
    signal = generator.normal(size=rows)
    first, second = (signal + generator.normal(size=rows) for _ in range(2))
    if metric in list_metrics("binary_classification"):
        target = (signal > 0.8).astype(float)
        first, second = (np.clip(np.round(0.3 + 0.2 * value, 1), 0.0, 1.0) for value in (first, second))
        return target, first, second
    return signal, np.round(first, 1), second


def measure_weighted(metric: str, target: np.ndarray, predicted: np.ndarray, weights: np.ndarray) -> float:
    functions = {
        "roc_auc": metrics.roc_auc_score,
        "average_precision": metrics.average_precision_score,
        "log_loss": lambda *pair, sample_weight: metrics.log_loss(*pair, sample_weight=sample_weight, labels=[0, 1]),
        "brier": metrics.brier_score_loss,
        "r2": metrics.r2_score,
        "rmse": metrics.root_mean_squared_error,
        "mae": metrics.mean_absolute_error,
    }
    return float(functions[metric](target, predicted, sample_weight=weights))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("seed", range(3))
def test_weighted_metrics_are_those_of_scikit_learn_with_ties(metric: str, seed: int) -> None:
    target, predicted, _ = draw(metric, seed=seed)
    weights = np.random.default_rng(seed).integers(0, 4, size=(len(target), 5)).astype(float)
    expected = [measure_weighted(metric, target, predicted, weights[:, index]) for index in range(5)]
    np.testing.assert_allclose(bind_metric(metric, target, predicted)(weights), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("metric", METRICS)
def test_a_weight_counts_as_often_as_the_row_repeated(metric: str, monkeypatch: pytest.MonkeyPatch) -> None:
    target, predicted, _ = draw(metric)
    weights = np.concatenate(list(draw_weights(len(target), 20, 3)), axis=1)
    weighted = bind_metric(metric, target, predicted)(weights)
    without = replace(registry.METRICS.find(metric), bind=None)
    monkeypatch.setitem(registry.METRICS._records, metric, without)
    np.testing.assert_allclose(weighted, bind_metric(metric, target, predicted)(weights), rtol=1e-9, atol=1e-12)


def test_a_metric_that_cant_be_weighed_takes_whole_weights_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.METRICS._records, "mae", replace(registry.METRICS.find("mae"), bind=None))
    compute = bind_metric("mae", np.zeros(3), np.array([0.0, 3.0, 6.0]))
    assert compute(np.array([[1.0], [0.0], [1.0]])) == [3.0]
    with pytest.raises(ValueError, match="mae can't be weighed by fractions"):
        compute(np.array([[1.0], [0.5], [1.0]]))


@pytest.mark.parametrize("metric", METRICS)
def test_every_row_once_is_the_metric_itself(metric: str) -> None:
    target, predicted, _ = draw(metric)
    assert measure_rows(metric, target, predicted) == pytest.approx(measure(metric, target, predicted), rel=1e-12)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 4), st.integers(0, 3)), min_size=2, max_size=40))
@settings(max_examples=80, deadline=None)
def test_auc_and_average_precision_hold_for_any_ties_and_weights(cells: list[tuple[bool, int, int]]) -> None:
    target, predicted, weights = (np.array(column, dtype=float) for column in zip(*cells, strict=True))
    found = {
        name: bind_metric(name, target, predicted)(weights[:, None])[0] for name in ("roc_auc", "average_precision")
    }
    if len(np.unique(target[weights > 0])) < 2:
        assert math.isnan(found["roc_auc"])
        return
    for name, value in found.items():
        assert value == pytest.approx(measure_weighted(name, target, predicted, weights), abs=1e-12)


def test_where_a_metric_cant_be_computed_it_is_nan() -> None:
    ones, scores = np.ones(5), np.linspace(0, 1, 5)
    for metric in ("roc_auc", "r2"):
        assert math.isnan(measure_rows(metric, ones, scores))
    for metric in METRICS:
        assert math.isnan(measure_rows(metric, np.array([]), np.array([])))
        assert math.isnan(measure_rows(metric, ones, np.array([0.1, np.nan, 0.2, 0.3, 0.4])))
    assert math.isnan(measure_rows("r2", np.array([1.0]), np.array([1.0])))
    assert math.isnan(measure("r2", np.full(5, 0.1), scores))


def test_r2_loses_no_digits_far_from_zero() -> None:
    target, predicted, _ = draw("r2")
    far = bind_metric("r2", target + 1e8, predicted + 1e8)(np.ones((len(target), 1)))[0]
    assert far == pytest.approx(measure("r2", target, predicted), abs=1e-6)


@pytest.mark.parametrize("metric", ["log_loss", "brier", "mae"])
def test_the_mean_of_a_mean_metrics_losses_is_the_metric(metric: str) -> None:
    target, predicted, _ = draw(metric)
    assert measure_losses(metric, target, predicted).mean() == pytest.approx(measure(metric, target, predicted))


def test_weights_are_whole_draws_with_replacement() -> None:
    weights = np.concatenate(list(draw_weights(50, 300, 7)), axis=1)
    assert weights.shape == (50, 300)
    assert set(weights.sum(axis=0)) == {50.0}
    assert weights.mean() == 1.0
    assert weights.var() == pytest.approx(1 - 1 / 50, abs=0.05)


def test_weights_come_in_bounded_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resampling, "CELLS", 1000)
    chunks = list(draw_weights(300, 10, 7))
    assert [chunk.shape for chunk in chunks] == [(300, 3), (300, 3), (300, 3), (300, 1)]


def test_rows_of_a_group_are_drawn_together() -> None:
    groups = np.array(["a", "b", "a", "c", "b", "a"])
    weights = np.concatenate(list(draw_weights(6, 50, 7, groups)), axis=1)
    np.testing.assert_array_equal(weights[0], weights[2])
    np.testing.assert_array_equal(weights[1], weights[4])
    np.testing.assert_array_equal(weights[[0, 1, 3]].sum(axis=0), np.full(50, 3.0))


@pytest.mark.parametrize("metric", METRICS)
def test_the_standard_error_is_that_of_resampling_by_hand(metric: str) -> None:
    target, first, second = draw(metric, 400)
    found = bootstrap_gain(metric, target, first, second, Resampling(1000, 0.95, 3))
    generator = np.random.default_rng(9)
    by_hand = []
    for _ in range(400):
        rows = generator.integers(0, 400, 400)
        ours, theirs = (measure_rows(metric, target[rows], scores[rows]) for scores in (first, second))
        by_hand.append(ours - theirs)
    assert found.error == pytest.approx(np.std(by_hand), rel=0.15)
    assert found.low < found.value < found.high


def test_pairing_makes_the_interval_of_a_gain_narrow() -> None:
    target, first, _ = draw("rmse", 2000)
    second = first + 0.05 * np.random.default_rng(3).normal(size=2000)
    gain = bootstrap_gain("rmse", target, first, second, HOW)
    alone = bootstrap_metric("rmse", target, first, HOW)
    assert gain.error < 0.3 * alone.error


@pytest.mark.parametrize("metric", METRICS)
def test_a_gain_is_positive_where_the_candidate_is_better(metric: str) -> None:
    target, first, _ = draw(metric)
    perfect = np.clip(target, 0.01, 0.99) if metric in list_metrics("binary_classification") else target
    assert bootstrap_gain(metric, target, perfect, first, HOW).low > 0
    assert bootstrap_gain(metric, target, first, perfect, HOW).high < 0


@given(st.sampled_from(METRICS), st.integers(0, 100))
@settings(max_examples=25, deadline=None)
def test_identical_predictions_have_an_interval_of_no_width(metric: str, seed: int) -> None:
    target, first, _ = draw(metric, 200, seed)
    found = bootstrap_gain(metric, target, first, first.copy(), HOW)
    assert (found.value, found.low, found.high, found.error) == (0.0, 0.0, 0.0, 0.0)


@given(st.sampled_from(METRICS), st.integers(0, 100), st.booleans())
@settings(max_examples=25, deadline=None)
def test_the_order_of_the_rows_does_not_matter(metric: str, seed: int, grouped: bool) -> None:
    target, first, second = draw(metric, 200, seed)
    groups = np.arange(200) // 10 if grouped else None
    order = np.random.default_rng(seed).permutation(200)
    found = bootstrap_gain(metric, target, first, second, replace(HOW, groups=groups))
    shuffled = bootstrap_gain(
        metric,
        target[order],
        first[order],
        second[order],
        replace(HOW, groups=None if groups is None else groups[order]),
    )
    np.testing.assert_allclose(
        [shuffled.value, shuffled.low, shuffled.high], [found.value, found.low, found.high], rtol=1e-9, atol=1e-12
    )


def test_another_seed_draws_other_rows() -> None:
    target, first, second = draw("rmse")
    intervals = [bootstrap_gain("rmse", target, first, second, replace(HOW, seed=seed)) for seed in (1, 2)]
    assert intervals[0].value == intervals[1].value
    assert intervals[0].low != intervals[1].low


def test_groups_that_differ_widen_the_interval() -> None:
    groups = np.arange(300) // 15
    target, first, _ = draw("rmse")
    second = first + 0.5 * np.random.default_rng(3).normal(size=20)[groups]
    rows = bootstrap_gain("rmse", target, first, second, HOW)
    grouped = bootstrap_gain("rmse", target, first, second, replace(HOW, groups=groups))
    assert grouped.error > 1.3 * rows.error
    assert grouped.freedom == 19


def test_too_many_resamples_without_a_class_leave_the_interval_unknown() -> None:
    target, predicted = np.zeros(100), np.linspace(0, 1, 100)
    target[:2] = 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rare = bootstrap_metric("roc_auc", target, predicted, HOW)
        target[:5] = 1
        enough = bootstrap_metric("roc_auc", target, predicted, HOW)
    assert math.isfinite(rare.value)
    assert math.isnan(rare.low)
    assert math.isfinite(enough.low)


@pytest.mark.parametrize("metric", METRICS)
def test_degenerate_inputs_give_nan_and_no_error(metric: str) -> None:
    empty, one = np.array([]), np.array([1.0])
    for target in (empty, one):
        assert math.isnan(bootstrap_gain(metric, target, target, target, HOW).low)
    bad = np.array([0.5, np.nan, 0.2])
    assert math.isnan(bootstrap_metric(metric, np.array([0.0, 1.0, 0.0]), bad, HOW).value)


def test_of_very_many_rows_a_part_is_resampled_and_stands_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    target, first, second = draw("roc_auc", 8000)
    whole = bootstrap_gain("roc_auc", target, first, second, Resampling(1000, 0.95, 7))
    monkeypatch.setattr(resampling, "MAX_ROWS", 2000)
    part = bootstrap_gain("roc_auc", target, first, second, Resampling(1000, 0.95, 7))
    assert part.value == whole.value
    assert part.error == pytest.approx(whole.error, rel=0.15)
    assert part.error != whole.error


def test_the_interval_is_students_t_around_the_value() -> None:
    found = make_interval(1.0, 0.1, 10, 1000, 0.95)
    assert found.error == pytest.approx(0.1 * math.sqrt(10 / 9))
    assert found.high - 1.0 == pytest.approx(2.262157 * found.error, rel=1e-6)
    assert found.high - 1.0 == pytest.approx(1.0 - found.low)
    assert math.isnan(make_interval(1.0, 0.1, 1, 1000, 0.95).low)
    assert make_interval(1.0, 0.1, 5000, 200, 0.95).freedom == 199


def test_the_p_value_of_lying_below_a_limit() -> None:
    found = make_interval(-0.5, 0.1, 1_000_000, 100_000, 0.95)
    assert found.prove_below(-0.5) == pytest.approx(0.5)
    assert found.prove_below(-0.3) == pytest.approx(0.02275, rel=0.01)
    assert found.prove_below(-0.7) == pytest.approx(0.97725, rel=0.01)
    assert Interval(-0.5, -0.5, -0.5, 0.0, 9).prove_below(-0.4) == 0.0
    assert Interval(-0.5, -0.5, -0.5, 0.0, 9).prove_below(-0.5) == 1.0
    assert math.isnan(Interval(-0.5, math.nan, math.nan, math.nan, 0).prove_below(0.0))


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    held = 0
    for seed in range(300):
        generator = np.random.default_rng(seed)
        target = generator.normal(size=150)
        first, second = (target + generator.normal(size=150) for _ in range(2))
        found = bootstrap_gain("rmse", target, first, second, replace(HOW, seed=seed))
        held += found.low <= 0 <= found.high
    assert 0.915 <= held / 300 <= 0.985
