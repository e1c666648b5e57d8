"""Does what the pages of docs/extending say, word for word, and runs it through the real steps."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from nightshift.config.airflow.connections import ConnectionSpec
from nightshift.config.extensions import load_extensions
from nightshift.core.alerts.messages import Message
from nightshift.core.evaluation.bootstrap import Resampling, bootstrap_metric
from nightshift.errors import DataUnavailable
from nightshift.extension.alert_channels import ALERT_CHANNELS
from nightshift.extension.drift_measures import DRIFT_MEASURES
from nightshift.extension.estimators import ESTIMATORS
from nightshift.extension.gate_rules import GATE_RULES
from nightshift.extension.metrics import METRICS, RESERVED, Metric, list_metrics
from nightshift.extension.source_kinds import SOURCE_KINDS
from nightshift.extension.tasks import BINARY, TASKS
from nightshift.io.runtime import subprocess_runner
from nightshift.orchestration import notifiers
from nightshift.steps.drift import compare_windows
from tests.airflow_home import ROOT
from tests.integration.kit import LEARNING, NIGHTS, World, bend, draw_rows
from tests.kits.pipelines import make_spec, write_pipeline

BLOCK = re.compile(r"^```(?:python|yaml)\n# (\S+)\n(.*?)^```", re.MULTILINE | re.DOTALL)

COMMANDS = (
    ("-m", "nightshift.cli", "check"),
    ("-m", "nightshift.cli", "check", "sound"),
    ("-c", "from nightshift.dags.refused import raise_refused; raise_refused()"),
)

Follow = Callable[[str], dict[str, Any]]


def read_blocks(page: str) -> list[tuple[str, str]]:
    """Each block that names its file, in the page's order."""
    return BLOCK.findall((ROOT / "docs" / "extending" / page).read_text())


@pytest.fixture
def follow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Follow]:
    """Puts a page's files into a project and loads its extensions; gives what pipeline.yaml is to say, dotted."""
    registries: list[Any] = [METRICS, ESTIMATORS, TASKS, SOURCE_KINDS, DRIFT_MEASURES, GATE_RULES, ALERT_CHANNELS]
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


def flatten(tree: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """`section: {field: value}` as `section.field`, value."""
    for section, fields in tree.items():
        if isinstance(fields, dict):
            yield from ((f"{section}.{field}", value) for field, value in fields.items())
        else:
            yield section, fields


def run_in(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A Python process of that project."""
    environ = {"PATH": os.environ["PATH"], "NIGHTSHIFT_PROJECT": str(project), "PYTHONPATH": str(ROOT / "include")}
    return subprocess.run([sys.executable, *arguments], env=environ, capture_output=True, text=True, check=False)


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
    assert set(metrics["baseline"]) == {"roc_auc", "average_precision", "log_loss", "brier", "call_profit"}
    # Whatever else is recorded next to the metrics has a name that no metric can take.
    assert set(metrics) - set(list_metrics(BINARY)) <= RESERVED
    assert figures["decision"] in ("promote", "keep")


def test_what_a_metric_can_say_changes_no_value(follow: Follow) -> None:
    """The page's second block: the same interval by weights as by measuring every resample."""
    follow("metric.md")
    generator = np.random.default_rng(3)
    predicted = generator.random(2_000)
    target = (generator.random(2_000) < predicted).astype(float)
    plain, fast = (
        bootstrap_metric(name, target, predicted, Resampling(200, 0.95, 7))
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
    """The count is how often a visitor returned: 0 or 1."""
    world, figures, rules = train(world, **follow("task.md"))
    assert rules["sanity"]["passed"] is True
    assert (rules["floor"]["figures"]["metric"], rules["floor"]["passed"]) == ("poisson_deviance", True)
    assert world.ask("select estimator from ml.model_versions") == [("poisson",)]
    assert [name for name in rules if name == "calibration"] == []
    assert figures["promoted"], figures
    world.run_night(NIGHTS[len(LEARNING)])
    rows = world.ask("select score, chance_of_any from scores.shops")
    assert len(rows) == len(draw_rows(NIGHTS[len(LEARNING)]))
    assert [chance for _, chance in rows] == pytest.approx([1 - np.exp(-score) for score, _ in rows])


def test_a_source_of_the_projects_own_is_ingested(world: World, follow: Follow) -> None:
    changes = follow("source-kind.md")
    widths = changes["source.widths"]
    drawn = draw_rows(NIGHTS[0])
    lines = ["".join(str(row[name]).ljust(width) for name, width in widths.items()) for row in drawn.to_dict("records")]
    source = {"kind": "fixed_width", "path": f"{world.folder}/{{partition}}.txt", "widths": widths}
    world.write(NIGHTS[0])
    assert world.ingest(NIGHTS[0]).status == "done"
    ((expected,),) = world.ask("select sha256 from ml.ledger where kind = 'features'")
    other = bend(world, source=source)
    (world.folder / f"{NIGHTS[0]}.txt").write_text("\n".join(lines))
    assert other.ingest(NIGHTS[0]).status == "done"
    found = other.ask("select sha256 from ml.ledger where kind = 'features'")
    assert (expected,) in found
    with pytest.raises(DataUnavailable, match=f"{NIGHTS[2]}.txt does not exist"):
        other.ingest(NIGHTS[2])


def test_a_drift_measure_of_the_projects_own_finds_what_it_is_for(champion_world: World, follow: Follow) -> None:
    """The distance stays below its limit of 0.9; the spread of the amounts is a third. The limits are the page's."""
    plain = bend(champion_world, **{"drift.column_limit": 0.9})
    for night in NIGHTS[6:8]:
        rows = draw_rows(night)
        plain.run_night(night, rows.assign(spent=(40 + (rows.spent - 40) * 0.3).clip(0).round(2)))
    before = compare_windows(plain.config, plain.resources, NIGHTS[7], reports=False)
    world = bend(plain, **follow("drift-measure.md"), **{"drift.column_limit": 0.9})
    after = compare_windows(world.config, world.resources, NIGHTS[7], reports=False)
    assert "spread changed by" not in before.figures["reason"]
    assert "spread changed by" in after.figures["reason"]
    assert "(limit 0.5, above what chance explains: p99" in after.figures["reason"]


def test_a_gate_rule_of_the_projects_own_keeps_the_champion(
    world: World, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow("gate-rule.md")
    monkeypatch.setitem(GATE_RULES.find("small_enough").check.__globals__, "LIMIT", -1)
    _, figures, rules = train(world)
    assert (rules["small_enough"]["passed"], figures["decision"]) == (False, "keep")
    assert [name for name, rule in rules.items() if not rule["passed"]] == ["small_enough"]


def test_an_alert_channel_of_the_projects_own_is_told(
    follow: Follow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert follow("alert-channel.md") == {"alerts.connections": ["on_duty"]}
    connection = ConnectionSpec(conn_id="on_duty", conn_type="logfile", host=str(tmp_path / "alerts.log"))
    monkeypatch.setattr(notifiers, "read_connection", lambda conn_id: connection)
    (send,) = notifiers.make_senders(["on_duty"]).values()
    now = datetime.now(UTC)
    send(Message(1, "shops", "drift", "version 1", "open", now, "what", "why", "todo", "https://host/dag"))
    assert (tmp_path / "alerts.log").read_text() == "shops: drift (version 1)\n"


PAGES = (
    "alert-channel.md", "drift-measure.md", "estimator.md", "gate-rule.md", "metric.md", "source-kind.md", "task.md",
)  # fmt: skip


def test_every_page_is_done_here() -> None:
    assert sorted(path.name for path in (ROOT / "docs" / "extending").glob("*.md")) == sorted((*PAGES, "index.md"))


def test_a_metric_that_fails_stops_no_pipeline_that_does_not_name_it(world: World) -> None:
    def fail(target: np.ndarray, predicted: np.ndarray) -> float:
        raise ValueError("a metric of another pipeline")

    METRICS.register(Metric("failing", (BINARY,), fail))
    try:
        _, figures, _ = train(world)
        assert figures["decision"] in ("promote", "keep")
    finally:
        METRICS.unregister("failing")


def test_a_file_that_fails_is_named_and_stops_only_what_uses_it(tmp_path: Path) -> None:
    (tmp_path / "include" / "extensions").mkdir(parents=True)
    (tmp_path / "include" / "extensions" / "broken.py").write_text("import no_such_library\n")
    shutil.copy(ROOT / "airflow_settings.yaml", tmp_path)
    for name, metric in (("sound", "roc_auc"), ("user", "call_profit")):
        write_pipeline(tmp_path / "include" / "pipelines", make_spec(**{"training.metric": metric}), name=name)
    whole, one, parsed = (run_in(tmp_path, *command) for command in COMMANDS)
    sentence = f"{tmp_path}/include/extensions/broken.py can't be loaded: ModuleNotFoundError: No module named"
    assert [done.stdout.count(sentence) for done in (whole, one)] == [1, 1]
    assert parsed.stderr.count(sentence) == 1
    assert (whole.returncode, one.returncode) == (1, 0)
    assert all("sound: ok" in done.stdout for done in (whole, one))
    assert "training.metric: 'call_profit' is not one of 'roc_auc'" in whole.stdout


@pytest.mark.parametrize("page", PAGES)
def test_a_name_that_is_taken_is_refused_with_the_files_name(follow: Follow, tmp_path: Path, page: str) -> None:
    follow(page)
    again = tmp_path / "again"
    again.mkdir()
    _, content = next(block for block in read_blocks(page) if block[0] != "pipeline.yaml")
    (again / "copy.py").write_text(content)
    (problem,) = load_extensions(again).problems
    assert problem.startswith(f"{again}/copy.py can't be loaded: NightshiftError: a")
    assert "exists already; choose another name" in problem
