"""What a single feature knows about the outcome."""

import math
import warnings

import numpy as np
import pandas as pd
import pytest

from nightshift.core.evaluation import single_feature as leakage
from nightshift.core.evaluation.single_feature import measure_single_features

ROWS = 2_000


def draw(rows: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    generator = np.random.default_rng(seed)
    signal = generator.normal(size=rows)
    target = (signal > 0.5).astype(float)
    frame = pd.DataFrame(
        {
            "noise": generator.normal(size=rows),
            "signal": signal + generator.normal(size=rows),
            "leak": np.where(generator.random(rows) < 0.1, np.nan, -3 * target),
            "shop": generator.choice(["a", "b", None], rows),
            "status": np.where(target == 1, "refunded", "paid").astype(object),
            "id": [f"{seed}-{number}" for number in range(rows)],
            "empty": np.full(rows, np.nan),
        }
    )
    return frame, target


def measure(seed: int = 7, task: str = "classification") -> dict[str, float]:
    train, target = draw(ROWS, 1)
    holdout, known = draw(ROWS, 2)
    numeric, categorical = ["noise", "signal", "leak", "empty"], ["shop", "status", "id"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return measure_single_features((train, target), (holdout, known), numeric, categorical, task, seed)  # type: ignore[arg-type]


def test_a_leak_stands_out_whether_number_or_category() -> None:
    alone = measure()
    assert list(alone) == ["noise", "signal", "leak", "empty", "shop", "status", "id"]
    assert alone["status"] == 1.0
    assert alone["leak"] > 0.94
    assert 0.7 < alone["signal"] < 0.9
    assert abs(alone["noise"] - 0.5) < 0.06
    assert abs(alone["shop"] - 0.5) < 0.06


def test_a_key_that_never_comes_back_is_no_leak() -> None:
    assert measure()["id"] == 0.5


def test_a_feature_without_a_value_is_unknown() -> None:
    assert math.isnan(measure()["empty"])


@pytest.mark.parametrize("spread", [np.random.default_rng(3).normal, np.random.default_rng(3).standard_cauchy])
def test_a_copy_of_a_number_is_found_by_r2_also_with_heavy_tails(spread) -> None:
    target = np.sort(np.abs(spread(size=8_000)))[:7_900]
    np.random.default_rng(4).shuffle(target)
    rows = pd.DataFrame({"copy": 2 * target + 1, "noise": np.random.default_rng(5).normal(size=len(target))})
    train, holdout = slice(None, 4_000), slice(4_000, None)
    alone = measure_single_features(
        (rows[train], target[train]), (rows[holdout], target[holdout]), ["copy", "noise"], [], "regression", 7
    )
    assert alone["copy"] > 0.995
    assert alone["noise"] < 0.05


def test_the_same_seed_measures_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leakage, "MAX_ROWS", 300)
    first, second, other = measure(7), measure(7), measure(8)
    np.testing.assert_equal(first, second)
    assert first["signal"] != other["signal"]


def test_an_outcome_that_never_varies_can_not_be_known() -> None:
    train, target = draw(100, 1)
    still = np.zeros(100)
    assert math.isnan(
        measure_single_features((train, still), (train, target), ["noise"], [], "classification", 7)["noise"]
    )
    assert math.isnan(
        measure_single_features((train, target), (train, still), ["noise"], [], "classification", 7)["noise"]
    )
    empty = train.iloc[:0]
    assert math.isnan(
        measure_single_features((train, target), (empty, still[:0]), ["noise"], [], "classification", 7)["noise"]
    )
    assert math.isnan(
        measure_single_features((empty, still[:0]), (train, target), ["noise"], [], "classification", 7)["noise"]
    )
