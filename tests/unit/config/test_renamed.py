"""Old names of fields in pipeline.yaml: accepted, listed by `check`, and never given together with the new ones."""

from pathlib import Path

import pytest

from nightshift.commands.check import list_notes
from nightshift.config.loading import PipelineRefused, load_pipeline
from nightshift.config.pipeline import PipelineSpec
from nightshift.config.renamed import RENAMED, find_new_name, list_old_names, rename_fields
from nightshift.config.yaml.document import list_field_names
from tests.kits.pipelines import make_spec, write_pipeline

ROLLING = {"kind": "rolling", "name": "recent", "column": "spent", "days": 2}
OLD = {
    "label": {"column": "returned", "at_least": 1, "available_after": 2, "revised_for": 5},
    "training": {
        "metric": "roc_auc", "window": 20, "holdout": 4, "search_every": 30, "estimators": [{"kind": "logistic"}],
    },
    "features": {"derived": [{**ROLLING, "at_least": 3}], "numeric": ["recent"], "lookback": 2},
    "drift": {"window": 5},
    "retrain": {
        "nights": 1, "of": 2, "max_age": 9, "cooldown": 3, "backoff": 1.5, "longest_cooldown": 8, "expires": 4,
        "performance": {"window": 6},
    },
    "alerts": {"champion_days": 60, "night_hours": 3},
}  # fmt: skip
NEW = {
    "label": {"column": "returned", "positive_from": 1, "available_after_days": 2, "revised_for_days": 5},
    "training": {
        "metric": "roc_auc", "window_days": 20, "holdout_days": 4, "search_every_days": 30,
        "estimators": [{"kind": "logistic"}],
    },
    "features": {"derived": [{**ROLLING, "share_from": 3}], "numeric": ["recent"], "lookback_days": 2},
    "drift": {"window_days": 5},
    "retrain": {
        "min_drifted_runs": 1, "recent_runs": 2, "max_age_days": 9, "cooldown_days": 3, "cooldown_factor": 1.5,
        "max_cooldown_days": 8, "expires_hours": 4, "performance": {"window_days": 6},
    },
    "alerts": {"stale_after_days": 60, "missed_after_hours": 3},
}  # fmt: skip


def test_a_file_with_the_names_of_0_1_means_the_same(tmp_path: Path) -> None:
    old = load_pipeline(write_pipeline(tmp_path / "old", make_spec(**OLD)))
    assert old.spec == load_pipeline(write_pipeline(tmp_path / "new", make_spec(**NEW))).spec


def test_every_old_name_is_in_the_example_and_every_new_one_is_a_field() -> None:
    listed = {(".".join(str(p) for p in place[:-1] if p != 0), place[-1]) for place in list_old_names(OLD)}
    assert listed == {(section, old) for section, names in RENAMED.items() for old in names}
    for section, names in RENAMED.items():
        assert {*names.values()} <= {*list_field_names(PipelineSpec, tuple(section.split(".")))}
    assert not list(list_old_names(NEW))


def test_check_notes_each_old_name_with_its_line(tmp_path: Path) -> None:
    folder = write_pipeline(tmp_path, make_spec(**{"retrain": {"cooldown": 3}, "drift": {"window_days": 4}}))
    lines = (folder / "pipeline.yaml").read_text().splitlines()
    (note,) = list_notes(load_pipeline(folder))
    where = f"{folder / 'pipeline.yaml'}:{lines.index('  cooldown: 3') + 1}"
    assert note == f"{where}: retrain.cooldown: is called cooldown_days now; the old name is accepted until 0.3"


def test_a_problem_of_an_old_name_has_its_line(tmp_path: Path) -> None:
    folder = write_pipeline(tmp_path, make_spec(retrain={"cooldown": -3}))
    line = (folder / "pipeline.yaml").read_text().splitlines().index("  cooldown: -3") + 1
    with pytest.raises(PipelineRefused, match=rf"pipeline.yaml:{line}: retrain.cooldown_days: -3: "):
        load_pipeline(folder)


def test_both_names_are_refused_with_all_other_problems(tmp_path: Path) -> None:
    folder = write_pipeline(
        tmp_path, make_spec(**{"retrain": {"cooldown": 3, "cooldown_days": 4}, "gate.floor": "high"})
    )
    with pytest.raises(PipelineRefused) as refused:
        load_pipeline(folder)
    found = {problem.field: problem.message for problem in refused.value.problems}
    assert found.keys() == {"retrain.cooldown", "gate.floor"}
    assert found["retrain.cooldown"] == "is the old name of cooldown_days, which is given too; keep cooldown_days"


def test_names_elsewhere_are_left_alone() -> None:
    content = {
        "source": {"params": {"window": 3}},
        "columns": {"of": "text"},
        7: [{"nights": 1}],
        "label": "no mapping",
    }
    assert rename_fields(content) == content
    assert find_new_name(()) is None
    assert find_new_name(("columns", "window")) is None
