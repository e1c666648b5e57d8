"""What a registered measure promises: its limit, and that its chance is the same however it is computed."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from nightshift.config.sections.drift import Drift
from nightshift.core.drift.columns import compare_column, find_chance
from nightshift.core.drift.null_distribution import NullDistribution
from nightshift.extension.drift_measures import DRIFT_MEASURES, DriftMeasure, find_distance

NOISE = NullDistribution(base=400, nights=None, window=1, current=200, reference=400, seed=7)


def draw(kind: str, rows: int, seed: int) -> pd.Series:
    generator = np.random.default_rng(seed)
    if kind == "categorical":
        values = pd.Series(generator.zipf(1.5, rows).astype(str))
    else:
        values = pd.Series(generator.gamma(4.0, 10.0, rows))
    return values.mask(generator.random(rows) < 0.05)


@pytest.fixture
def nothing() -> Iterator[DriftMeasure]:
    """A measure that never has a value."""
    yield DRIFT_MEASURES.register(
        DriftMeasure("nothing", ("numeric",), "nothing", 0.5, lambda reference, current: float("nan"))
    )
    DRIFT_MEASURES.unregister("nothing")


@pytest.mark.parametrize("measure", [each for each in DRIFT_MEASURES if each.bind], ids=lambda each: each.name)
def test_chance_is_the_same_whether_pairs_are_measured_one_by_one_or_all_at_once(measure: DriftMeasure) -> None:
    """Evidently's distances compare the values that are there, so for them none is missing."""
    reference, current = (draw(measure.kinds[0], rows, rows) for rows in (400, 200))
    if measure.primary:
        reference, current = reference.ffill().bfill(), current.ffill().bfill()
    pooled = NOISE.pool(reference, current)
    at_once, one_by_one = (find_chance(each, pooled, NOISE) for each in (measure, replace(measure, bind=None)))
    assert at_once == pytest.approx(one_by_one, abs=1e-9)
    assert at_once > 0


@pytest.mark.parametrize("measure", DRIFT_MEASURES, ids=lambda each: each.name)
def test_a_measures_own_limit_is_what_pipeline_yaml_falls_back_to(measure: DriftMeasure) -> None:
    assert Drift().find_limit(measure) == measure.limit


@pytest.mark.parametrize("measure", [each for each in DRIFT_MEASURES if each.limit_field], ids=lambda each: each.name)
def test_what_pipeline_yaml_says_counts_instead_of_a_measures_own_limit(measure: DriftMeasure) -> None:
    assert Drift.model_validate({measure.limit_field: 0.42}).find_limit(measure) == 0.42


def test_a_projects_own_measure_has_its_limit_by_name(nothing: DriftMeasure) -> None:
    assert Drift(limits={"nothing": 0.42}).find_limit(nothing) == 0.42


@pytest.mark.parametrize("kind", ["numeric", "categorical", "prediction"])
def test_every_kind_of_column_has_one_distance(kind: str) -> None:
    (primary,) = [each for each in DRIFT_MEASURES if each.primary and kind in each.kinds]
    assert find_distance(kind) is primary


@pytest.mark.parametrize(
    ("limits", "problem"),
    [
        ({"nothin": 0.3}, "'new_categories' or 'nothing'"),
        ({"missing": 0.3}, "the limit of missing is missing_limit"),
        ({"nothing": 0.0}, "greater than 0"),
    ],
)
def test_a_limit_that_can_not_be_is_refused(nothing: DriftMeasure, limits: dict[str, float], problem: str) -> None:
    with pytest.raises(ValueError, match="limits") as refused:
        Drift(limits=limits)
    assert problem in str(refused.value)


def test_a_measure_without_a_value_moves_nothing(nothing: DriftMeasure) -> None:
    reference, current = draw("numeric", 400, 1), draw("numeric", 200, 2)
    column = compare_column("spent", "numeric", 0.01, 1.0, (reference, current), NOISE, Drift(missing_limit=0.9))
    assert (column.drifted, column.reason) == (False, "distance 0.01, below the limit of 0.1")
