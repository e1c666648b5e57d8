"""`retention` in pipeline.yaml: what is accepted, and what would remove what is still needed."""

from pathlib import Path
from typing import Any

import pytest

from nightshift.config.loading import PipelineRefused, load_pipeline
from nightshift.config.pipeline import PipelineSpec
from nightshift.config.sections.retention import find_days
from tests.kits.pipelines import make_spec, write_pipeline

LONG = {"training.window_days": 400}


def load(folder: Path, **changes: Any) -> PipelineSpec:
    return load_pipeline(write_pipeline(folder, make_spec(**changes))).spec


def test_by_default_partitions_are_kept_for_ever_and_defaults_give_way(tmp_path: Path) -> None:
    spec = load(tmp_path, **LONG)
    assert {find_days(spec, name) for name in ("raw", "valid", "quarantine", "features", "scores", "candidates")} == {
        None
    }
    assert find_days(spec, "superseded") == 30
    assert find_days(spec, "shadow_scores") == 401


@pytest.mark.parametrize(
    ("changes", "least"),
    [
        ({}, 32),
        ({"training.window_days": 60}, 61),
        ({"training.window_days": 60, "label.available_after_days": 30}, 90),
        ({"label.revised_for_days": 100}, 101),
        ({"drift": {"window_days": 90}}, 90),
        ({"drift": {"reference": "season"}}, 31 + 371),
        ({"features.lookback_days": 14}, 46),
        (
            {"features.derived": [{"kind": "rolling", "name": "hour", "column": "returned", "days": 7}],
             "label.available_after_days": 3},
            34 + 9,
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["raw", "valid", "features", "scores", "shadow_scores"])
def test_what_is_still_needed_can_not_be_given_away(
    tmp_path: Path, changes: dict[str, Any], least: int, kind: str
) -> None:
    with pytest.raises(PipelineRefused, match=f"retention.{kind}: {least - 1} days .* minimum here is {least}"):
        load(tmp_path / "short", **changes, retention={kind: least - 1})
    assert find_days(load(tmp_path / "enough", **changes, retention={kind: least}), kind) == least


def test_a_waiting_approval_keeps_its_training_set_and_its_candidate(tmp_path: Path) -> None:
    waiting = {"gate.approval": "required", "gate.approval_hours": 24.0 * 60}
    with pytest.raises(PipelineRefused) as caught:
        load(tmp_path, **waiting, retention={"training_sets": 40, "candidates": 60})
    assert "retention.training_sets: 40 days" in str(caught.value)
    assert "the minimum here is 68" in str(caught.value)
    assert "retention.candidates: 60 days" in str(caught.value)


@pytest.mark.parametrize(
    ("retention", "told"),
    [
        ({"score": 90}, "did you mean 'scores'?"),
        ({"scores": 0}, "retention.scores: 0"),
        ({"scores": -1}, "retention.scores: -1"),
        ({"scores": "90"}, "retention.scores: '90'"),
        ({"scores": 90.5}, "retention.scores: 90.5"),
        ({"superseded": None}, "retention.superseded"),
        ({"superseded": 2}, "retention.superseded: 2"),
        ({"candidates": 1}, "retention.candidates: 1"),
    ],
)
def test_a_wrong_value_is_told_with_its_field(tmp_path: Path, retention: dict[str, Any], told: str) -> None:
    with pytest.raises(PipelineRefused) as caught:
        load(tmp_path, retention=retention)
    assert told in str(caught.value)
