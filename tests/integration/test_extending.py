"""Does what the pages of docs/extending say, word for word, and runs it through the real steps."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from nightshift.config.extensions import load_extensions
from nightshift.core.evaluation.bootstrap import bootstrap_metric
from nightshift.extension.estimators import ESTIMATORS
from nightshift.extension.metrics import METRICS
from nightshift.extension.tasks import TASKS
from nightshift.io.runtime import subprocess_runner
from tests.airflow_home import ROOT
from tests.integration.kit import LEARNING, NIGHTS, World, bend, draw_rows

BLOCK = re.compile(r"^```(?:python|yaml)\n# (\S+)\n(.*?)^```", re.MULTILINE | re.DOTALL)

Follow = Callable[[str], dict[str, Any]]


def read_blocks(page: str) -> list[tuple[str, str]]:
    """Each block that names its file, in the page's order."""
    return BLOCK.findall((ROOT / "docs" / "extending" / page).read_text())


@pytest.fixture
def follow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Follow]:
    """Puts a page's files into a project and loads its extensions; gives what pipeline.yaml is to say, dotted."""
    registries: list[Any] = [METRICS, ESTIMATORS, TASKS]
    before = [registry.list_names() for registry in registries]

    def do(page: str) -> dict[str, Any]:
        changes: dict[str, Any] = {}
        for file, content in read_blocks(page):
            if file == "pipeline.yaml":
                changes |= dict(flatten(yaml.safe_load(content)))
            else:
                (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / file).write_text(content)
        assert load_extensions(tmp_path / "include" / "extensions").problems == ()
        # The process that checks serving looks for extensions in its project, too.
        monkeypatch.setattr(subprocess_runner, "PROJECT_ROOT", tmp_path)
        return changes

    yield do
    for registry, names in zip(registries, before, strict=True):
        for name in set(registry.list_names()) - set(names):
            registry.unregister(name)


def flatten(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """`a: {b: 1}` as `a.b`, 1, down to what SPEC has."""
    for name, value in tree.items():
        path = f"{prefix}{name}"
        if isinstance(value, dict):
            yield from flatten(value, f"{path}.")
        else:
            yield path, value


def train(world: World, **changes: Any) -> tuple[World, dict[str, Any], dict[str, dict[str, Any]]]:
    """The figures of the training and the gate's rules by name, of the pipeline with these changes."""
    world = bend(world, **changes)
    for night in LEARNING:
        world.write(night)
        assert world.ingest(night).status == "done"
    outcome = world.train(LEARNING[-1])
    assert outcome.status == "done", outcome
    return world, outcome.figures, {rule["name"]: rule for rule in outcome.figures["rules"]}


def score_next(world: World) -> list[tuple[Any, ...]]:
    """The scores of the next night."""
    world.run_night(NIGHTS[len(LEARNING)])
    return world.ask("select score, model_version from scores.shops")


def test_a_metric_of_the_projects_own_decides(world: World, follow: Follow) -> None:
    world, figures, rules = train(world, **follow("metric.md"))
    assert (rules["floor"]["figures"]["metric"], rules["floor"]["passed"]) == ("call_profit", True)
    assert rules["floor"]["figures"]["candidate"] > rules["floor"]["figures"]["floor"] == 0.5
    ((metrics,),) = world.ask("select metrics from ml.model_versions")
    assert metrics["call_profit"] == rules["floor"]["figures"]["candidate"]
    assert set(metrics["baseline"]) >= {"roc_auc", "call_profit", "fast_call_profit"}
    assert figures["decision"] in ("promote", "keep")


def test_what_a_metric_can_say_changes_no_value(follow: Follow) -> None:
    """The page's second block: the same interval by weights as by measuring every resample."""
    follow("metric.md")
    generator = np.random.default_rng(3)
    predicted = generator.random(2_000)
    target = (generator.random(2_000) < predicted).astype(float)
    plain, fast = (
        bootstrap_metric(name, target, predicted, resamples=200, confidence=0.95, seed=7)
        for name in ("call_profit", "fast_call_profit")
    )
    np.testing.assert_allclose([plain.value, plain.low, plain.high], [fast.value, fast.low, fast.high], rtol=1e-9)
    assert plain.low < plain.value < plain.high


def test_an_estimator_of_the_projects_own_is_searched_stored_and_scores(world: World, follow: Follow) -> None:
    world, figures, rules = train(world, **follow("estimator.md"))
    assert rules["reload"]["passed"] is True
    assert world.ask("select estimator from ml.model_versions") == [("naive_bayes",)]
    assert figures["promoted"], figures
    scores = score_next(world)
    assert len(scores) == len(draw_rows(NIGHTS[len(LEARNING)]))
    assert all(0 <= score <= 1 for score, _ in scores)


def test_a_task_of_the_projects_own_is_trained_and_scored(world: World, follow: Follow) -> None:
    """`visit` is a key, so the outcome is `spent`; the features are what is left."""
    changes = follow("task.md")
    features = {"label.column": "spent", "known_afterwards": [], "features.numeric": ["late", "hour"]}
    world, figures, rules = train(world, **changes, **features, **{"gate.baseline_margin": 0.0})
    assert rules["sanity"]["passed"] is True
    assert (rules["floor"]["figures"]["metric"], rules["floor"]["passed"]) == ("poisson_deviance", True)
    assert world.ask("select estimator from ml.model_versions") == [("poisson",)]
    assert [name for name in rules if name == "calibration"] == []
    assert figures["decision"] in ("promote", "keep")


@pytest.mark.parametrize("page", ["metric.md", "estimator.md", "task.md"])
def test_a_name_that_is_taken_is_refused_with_the_files_name(follow: Follow, tmp_path: Path, page: str) -> None:
    follow(page)
    again = tmp_path / "again"
    again.mkdir()
    _, content = next(block for block in read_blocks(page) if block[0] != "pipeline.yaml")
    (again / "copy.py").write_text(content)
    (problem,) = load_extensions(again).problems
    assert problem.startswith(f"{again}/copy.py can't be loaded: NightshiftError: a ")
    assert "exists already; choose another name" in problem
