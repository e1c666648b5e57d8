"""Retention keeps what drift, the measuring of outcomes and training read."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightshift.config.horizons import (
    MAX_ATTEMPT_DAYS,
    find_first_measured,
    find_least_days,
    list_drift_days,
    list_season_days,
)
from nightshift.config.loading import load_pipeline
from nightshift.config.pipeline import PipelineSpec
from nightshift.config.sections.retention import MIN_GRACE
from tests.kits.pipelines import make_spec, write_pipeline

TODAY = date(2026, 6, 1)


def load(folder: Path, **changes: Any) -> PipelineSpec:
    return load_pipeline(write_pipeline(folder, make_spec(**changes))).spec


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pipelines")


@settings(max_examples=60, deadline=None)
@given(
    window=st.integers(1, 60),
    reference=st.sampled_from(["training", "season"]),
    maturity=st.integers(0, 40),
    revised=st.integers(0, 60),
    training=st.integers(3, 90),
)
def test_retention_keeps_every_day_that_is_read(
    folder: Path, window: int, reference: str, maturity: int, revised: int, training: int
) -> None:
    spec = load(
        folder,
        **{
            "drift": {"window_days": window, "reference": reference},
            "label.available_after_days": maturity,
            "label.revised_for_days": revised,
            "training.window_days": training,
            "training.holdout_days": 2,
        },
    )
    kept_from = TODAY - timedelta(days=find_least_days(spec))
    compared = list_drift_days(spec, TODAY)
    matured = TODAY - timedelta(days=maturity)
    read = [*compared, find_first_measured(spec, matured), matured - timedelta(days=training - 1)]
    if reference == "season":
        read += list_season_days(compared[-1], compared[0])
    assert min(read) > kept_from - timedelta(days=1)


def test_a_season_is_the_same_weekdays_of_the_year_before_with_a_week_on_either_side() -> None:
    days = list_season_days(TODAY, TODAY + timedelta(days=2))
    assert (len(days), days[7].weekday(), days[0]) == (3 + 14, TODAY.weekday(), TODAY - timedelta(days=371))


def test_maintenance_waits_longer_than_an_attempt_may_take() -> None:
    assert MIN_GRACE > MAX_ATTEMPT_DAYS
