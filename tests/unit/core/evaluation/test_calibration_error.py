"""The calibration error, and the bins that it is made of."""

from itertools import pairwise

import numpy as np
import pytest

from nightshift.core.evaluation.calibration_error import expected_calibration_error, reliability

SIZE = 3000


def test_the_calibration_error_is_the_distance_between_promised_and_observed() -> None:
    target, predicted = np.array([0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0]), np.repeat([0.5, 0.75], 4)
    # A quarter of the first four, all of the last four.
    assert expected_calibration_error(target, predicted) == pytest.approx(0.5 * 0.25 + 0.5 * 0.25)
    assert reliability(target, predicted)[0] == {
        "low": 0.5, "high": 0.5, "predicted": 0.5, "observed": 0.25, "rows": 4,
    }  # fmt: skip


def test_bins_hold_equally_many_rows_and_equal_predictions_share_one() -> None:
    generator = np.random.default_rng(0)
    target, predicted = (generator.random(SIZE) < 0.5).astype(float), generator.random(SIZE)
    table = reliability(target, predicted, 10)
    assert [line["rows"] for line in table] == [SIZE // 10] * 10
    assert all(first["high"] < second["low"] for first, second in pairwise(table))
    # In order of the outcome, bins of equal predictions would look far off.
    constant = np.full(100, 0.5)
    assert expected_calibration_error(np.repeat([0.0, 1.0], 50), constant) == 0
    assert np.isnan(expected_calibration_error(np.array([]), np.array([])))
