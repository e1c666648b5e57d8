"""The metrics by name."""

import numpy as np
import pytest
from sklearn import metrics

from nightshift.core.evaluation import metrics as evaluation
from nightshift.core.evaluation.metrics import measure, measure_all
from nightshift.extension.metrics import list_metrics

SCIKIT = {
    "roc_auc": metrics.roc_auc_score,
    "average_precision": metrics.average_precision_score,
    "log_loss": lambda target, predicted: metrics.log_loss(target, predicted, labels=[0.0, 1.0]),
    "brier": metrics.brier_score_loss,
}


@pytest.mark.parametrize("piece", [1, 7, 1_000_000])
def test_metrics_of_a_large_night_are_those_of_all_its_rows(monkeypatch: pytest.MonkeyPatch, piece: int) -> None:
    monkeypatch.setattr(evaluation, "PIECE", piece)
    predicted = np.random.default_rng(1).random(100)
    target = (np.random.default_rng(2).random(100) < predicted).astype(float)
    found = measure_all(list_metrics("classification"), target, predicted)
    assert set(found) == set(list_metrics("binary_classification"))
    for name, value in found.items():
        assert value == pytest.approx(SCIKIT[name](target, predicted), rel=1e-12)


def test_what_needs_two_classes_is_not_a_number_with_one() -> None:
    found = measure_all(list_metrics("classification"), np.ones(3), np.array([0.1, 0.5, 0.9]))
    assert np.isnan([found["roc_auc"], found["average_precision"]]).all()
    assert found["brier"] == pytest.approx((0.81 + 0.25 + 0.01) / 3)
    assert np.isnan(measure("r2", np.full(3, 2.5), np.arange(3.0)))
