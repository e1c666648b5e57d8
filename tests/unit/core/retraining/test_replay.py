"""What a replay reads, whom it trains when, and how it is summed up."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from nightshift.config.days import list_days
from nightshift.config.pipeline import PipelineSpec
from nightshift.core.retraining.replay import (
    Night,
    Policy,
    Span,
    choose_span,
    decide_by_calendar,
    list_ingested,
    measure_recovered,
    sum_up_metric,
)
from tests.kits.pipelines import make_spec

START = date(2026, 1, 1)


def load_spec(**changes: Any) -> PipelineSpec:
    return PipelineSpec.model_validate(make_spec(**changes), strict=False)


@pytest.fixture
def spec() -> PipelineSpec:
    """Starts on 2026-01-01, learns from ten days, outcomes are known the morning after."""
    return load_spec()


def day(number: int) -> date:
    return START + timedelta(days=number)


def test_the_first_model_learns_from_what_was_known_on_the_first_morning(spec: PipelineSpec) -> None:
    span = choose_span(spec, day(20), day(25), None, None)
    assert (span.train_from, span.train_to) == (day(10), day(19))
    assert span.nights == list_days(day(20), day(25))


def test_the_first_window_ends_at_the_pipelines_start(spec: PipelineSpec) -> None:
    assert choose_span(spec, day(4), day(9), None, None).train_from == START


def test_the_days_of_the_first_model_can_be_named(spec: PipelineSpec) -> None:
    span = choose_span(spec, day(20), day(25), day(1), day(3))
    assert (span.train_from, span.train_to) == (day(1), day(3))


@pytest.mark.parametrize(
    ("first", "last", "train_to", "said"),
    [(9, 8, None, "is before"), (0, 5, None, "start on 2026-01-01"), (9, 12, 9, "has not matured")],
)
def test_days_that_contradict_each_other_are_refused(
    spec: PipelineSpec, first: int, last: int, train_to: int | None, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        choose_span(spec, day(first), day(last), None, None if train_to is None else day(train_to))


def test_a_gap_between_training_and_replay_is_read_only_as_far_as_a_retraining_needs_it(spec: PipelineSpec) -> None:
    span = choose_span(spec, day(40), day(42), day(5), day(8))
    assert list_ingested(spec, span, retrains=False) == [*list_days(day(5), day(8)), *list_days(day(40), day(42))]
    assert list_ingested(spec, span, retrains=True) == [*list_days(day(5), day(8)), *list_days(day(31), day(42))]


def test_what_features_look_back_at_is_read_as_well() -> None:
    rolling = [{"kind": "rolling", "name": "lately", "column": "spent", "days": 3}]
    spec = load_spec(**{"features.derived": rolling, "features.numeric": ["spent", "lately"]})
    span = choose_span(spec, day(40), day(42), day(5), day(8))
    read = list_ingested(spec, span, retrains=False)
    assert read == [*list_days(day(2), day(8)), *list_days(day(37), day(42))]


@pytest.mark.parametrize(("policy", "nights"), [("never", []), ("always", [0, 1, 2, 3, 4, 5, 6, 7]), ("weekly", [6])])
def test_policies_of_the_calendar(policy: Policy, nights: list[int]) -> None:
    span = Span(day(0), day(7), day(0), day(0))
    assert [n for n in range(8) if decide_by_calendar(policy, span, day(n))] == nights


def test_an_error_is_summed_up_over_all_rows_and_a_ranking_by_night() -> None:
    targets = [np.array([0.0, 1.0]), np.array([0.0, 1.0, 1.0, 1.0])]
    predicted = [np.array([0.1, 0.2]), np.array([0.9, 0.1, 0.2, 0.95])]
    assert sum_up_metric("rmse", targets, predicted).choose("rmse") == pytest.approx(
        np.sqrt(np.mean((np.concatenate(targets) - np.concatenate(predicted)) ** 2))
    )
    total = sum_up_metric("roc_auc", targets, predicted)
    assert total.choose("roc_auc") == total.mean_of_days == pytest.approx((2 * 1.0 + 4 * (1 / 3)) / 6)


def test_days_that_are_each_in_order_need_not_be_so_together() -> None:
    """The mean of the days hides that one day's scores are on another scale."""
    targets = [np.array([0.0, 1.0]), np.array([0.0, 1.0])]
    total = sum_up_metric("roc_auc", targets, [np.array([0.1, 0.2]), np.array([0.8, 0.9])])
    assert (total.mean_of_days, total.pooled) == (1.0, 0.75)


def test_a_night_of_one_class_does_not_count() -> None:
    targets = [np.array([0.0, 1.0]), np.array([1.0, 1.0])]
    predicted = [np.array([0.1, 0.2]), np.array([0.5, 0.6])]
    assert sum_up_metric("roc_auc", targets, predicted).mean_of_days == 1.0
    assert np.isnan(sum_up_metric("roc_auc", [], []).mean_of_days)


@pytest.mark.parametrize(
    ("metric", "ours", "never", "always", "share"),
    [
        ("r2", 0.8, 0.5, 0.9, 0.75),
        ("rmse", 10.0, 20.0, 12.0, 1.25),
        ("r2", 0.8, 0.9, 0.9, None),
        ("r2", 0.8, 0.9, 0.8, None),
    ],
)
def test_the_share_recovered(metric: str, ours: float, never: float, always: float, share: float | None) -> None:
    found = measure_recovered(metric, ours, never, always)  # type: ignore[arg-type]
    assert found == (None if share is None else pytest.approx(share))


def test_a_night_is_plain_json() -> None:
    record = Night(day(0), 1, "wait").to_record()
    assert record["date"] == "2026-01-01"
    assert record["trained"] is None
