"""The gate over history, beside the two policies that need no gate: always promote the newest, never promote again.

A training at every month's end, on real data, through the very steps of NAME_train; then every policy's model scores
the month that follows. One command for docs/explanation/gate.md:

    PYTHONPATH=include:. python benchmarks/promotion_policies.py --home FOLDER [--json FILE]

The folder keeps warehouse and lake, so that a second run need not ingest again; the registry starts anew each time.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nightshift.config.airflow.connections import ADMIN
from nightshift.config.days import list_days
from nightshift.config.loading import load_named_pipeline
from nightshift.config.pipeline import PipelineConfig
from nightshift.core.estimators.kinds import predict_scores
from nightshift.core.evaluation.metrics import is_higher_better, measure
from nightshift.io.artifacts import load_model
from nightshift.io.lake.parquet import fetch_table
from nightshift.io.ledger.entries import find_entries
from nightshift.io.registry import find_version
from nightshift.io.resources import Resources
from nightshift.local.demo.reset import forget_models
from nightshift.local.resources import open_local_resources, open_warehouse_as
from nightshift.steps import runs
from nightshift.steps.labels import TARGET, read_targets

POLICIES = ("nightshift", "always", "never")


@dataclass(frozen=True)
class Story:
    """A pipeline, its data, the first training's last day, and the metric of the comparison."""

    name: str
    first: date
    last: date
    trained: date
    metric: str
    # No worse than the better simple policy by more than this: absolute for AUC, a share for RMSE.
    tolerance: float


STORIES = (
    Story("flights", date(2017, 1, 1), date(2017, 12, 31), date(2017, 2, 28), "roc_auc", 0.003),
    Story("bikes", date(2011, 1, 1), date(2012, 12, 31), date(2011, 6, 30), "rmse", 0.01),
)


@dataclass(frozen=True)
class Month:
    """One training and the month after it: the version in charge and its metric under each policy."""

    first: date
    rows: int
    decision: str
    reason: str
    versions: dict[str, int]
    values: dict[str, float]
    squares: dict[str, float]


def end_month(day: date) -> date:
    """The last day of the month."""
    following = date(day.year + day.month // 12, day.month % 12 + 1, 1)
    return following - timedelta(days=1)


def list_trainings(story: Story) -> Iterator[date]:
    """The month ends from the first training on that have a month of data behind them."""
    day = story.trained
    while day < story.last:
        yield day
        day = end_month(day + timedelta(days=1))


def ingest(config: PipelineConfig, resources: Resources, story: Story) -> None:
    """The nights that the folder does not have yet."""
    days = list_days(story.first, story.last)
    with resources.warehouse.begin() as connection:
        known = {entry.partition for entry in find_entries(connection, config.name, "features", days)}
    for day in days:
        if day not in known:
            outcome = runs.run_ingest(config, resources, day, lambda step, outcome: None)
            if outcome.status != "done":
                tell(f"{config.name} {day}: {outcome.reason}")


def read_month(config: PipelineConfig, resources: Resources, days: list[date]) -> pd.DataFrame:
    """Features and outcomes of the days."""
    with resources.warehouse.begin() as connection:
        valid = find_entries(connection, config.name, "valid", days)
        features = {entry.partition: entry for entry in find_entries(connection, config.name, "features", days)}
    parts = []
    for partition, targets in read_targets(config, resources, [e for e in valid if e.partition in features]):
        rows = fetch_table(resources.lake, features[partition].ref).to_pandas(date_as_object=False)
        parts.append(rows.merge(targets, on=list(config.spec.keys), how="inner"))
    frame: pd.DataFrame = pd.concat(parts, ignore_index=True)
    return frame.loc[frame[TARGET].notna()]


def train(config: PipelineConfig, resources: Resources, day: date) -> dict[str, Any]:
    """The figures of one training, gate included."""
    request = runs.TrainingRequest(as_of=day, run_id=f"policies__{day}", requested_by="benchmark")
    outcome = runs.run_train(config, resources, request, lambda step, outcome: None)
    if outcome.status != "done":
        raise SystemExit(f"{config.name} {day}: {outcome.reason}")
    return outcome.figures


def replay(config: PipelineConfig, resources: Resources, story: Story) -> list[Month]:
    """Month by month: train, let each policy choose, score the month that follows."""
    months: list[Month] = []
    versions: dict[str, int] = {}
    for day in list_trainings(story):
        figures = train(config, resources, day)
        newest = int(figures["version"])
        versions = {
            "nightshift": newest if figures["promoted"] else versions["nightshift"],
            "always": newest,
            "never": versions.get("never", newest),
        }
        months.append(score_month(config, resources, story, day + timedelta(days=1), versions, figures))
        tell(describe(months[-1], story))
    return months


def score_month(
    config: PipelineConfig,
    resources: Resources,
    story: Story,
    first: date,
    versions: dict[str, int],
    figures: dict[str, Any],
) -> Month:
    """The metric of each policy's version on the month that starts with `first`."""
    rows = read_month(config, resources, list_days(first, end_month(first)))
    target = rows[TARGET].to_numpy("float64")
    predicted = {number: predict(config, resources, number, rows) for number in set(versions.values())}
    return Month(
        first=first,
        rows=len(rows),
        decision=figures["decision"],
        reason=figures["reason"],
        versions=dict(versions),
        values={policy: measure(story.metric, target, predicted[number]) for policy, number in versions.items()},
        squares={policy: float(((predicted[number] - target) ** 2).sum()) for policy, number in versions.items()},
    )


def predict(config: PipelineConfig, resources: Resources, number: int, rows: pd.DataFrame) -> np.ndarray:
    """Scores of one version."""
    with resources.warehouse.begin() as connection:
        version = find_version(connection, config.name, number)
    assert version is not None
    model = load_model(resources.lake, version.artifact)
    return predict_scores(model, config.spec.task, rows[version.feature_names])


def sum_up(story: Story, months: list[Month]) -> dict[str, float]:
    """Over all months: the mean of the months' ROC AUC, or the RMSE of all rows together."""
    if story.metric == "rmse":
        rows = sum(month.rows for month in months)
        return {p: float(np.sqrt(sum(month.squares[p] for month in months) / rows)) for p in POLICIES}
    return {policy: float(np.mean([month.values[policy] for month in months])) for policy in POLICIES}


def find_shortfall(story: Story, overall: dict[str, float]) -> float:
    """How much worse than the better simple policy; negative where it is better. Absolute, or a share for errors."""
    ours, others = overall["nightshift"], (overall["always"], overall["never"])
    if is_higher_better(story.metric):
        return max(others) - ours
    return ours / min(others) - 1


def describe(month: Month, story: Story) -> str:
    """One line of progress."""
    values = "  ".join(f"{policy} v{month.versions[policy]} {month.values[policy]:.4f}" for policy in POLICIES)
    return f"{story.name} {month.first:%Y-%m}: {month.decision}; {story.metric}: {values}; {month.reason}"


def write_table(story: Story, months: list[Month]) -> str:
    """Markdown: a row per month, then the sum."""
    overall = sum_up(story, months)
    digits = 4 if is_higher_better(story.metric) else 2
    lines = [
        f"| {story.name}: {story.metric} in | rows | gate | nightshift | always the newest | never again |",
        "|---|---|---|---|---|---|",
    ]
    for month in months:
        cells = " | ".join(f"{month.values[p]:.{digits}f} (v{month.versions[p]})" for p in POLICIES)
        lines.append(f"| {month.first:%Y-%m} | {month.rows:,} | {month.decision} | {cells} |")
    cells = " | ".join(f"**{overall[policy]:.{digits}f}**" for policy in POLICIES)
    promotions = sum(month.decision == "promote" for month in months)
    lines.append(f"| **all months** | {sum(m.rows for m in months):,} | {promotions} of {len(months)} | {cells} |")
    shortfall = find_shortfall(story, overall)
    unit = f"{shortfall:+.4f}" if is_higher_better(story.metric) else f"{shortfall:+.2%}"
    verdict = "within" if shortfall <= story.tolerance else "NOT within"
    lines.append(f"\nWorse than the better simple policy by {unit}: {verdict} {story.tolerance:g}.")
    return "\n".join(lines)


def tell(line: str) -> None:
    """Progress goes to stderr; stdout is for the tables."""
    print(f"{time.strftime('%H:%M:%S')}  {line}", file=sys.stderr, flush=True)


def main() -> int:
    """Prints the tables; exit code 1 where a tolerance is exceeded."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True, help="where warehouse and lake of the benchmark live")
    parser.add_argument("--pipeline", choices=[story.name for story in STORIES], action="append")
    parser.add_argument("--json", type=Path, help="every month's figures as well")
    arguments = parser.parse_args()
    os.environ["NIGHTSHIFT_HOME"] = str(arguments.home.resolve())
    resources = open_local_resources(migrate=True)
    told = {}
    for story in STORIES:
        if arguments.pipeline and story.name not in arguments.pipeline:
            continue
        config = load_named_pipeline(story.name)
        with open_warehouse_as(ADMIN).begin() as connection:
            forget_models(connection, story.name)
        ingest(config, resources, story)
        months = replay(config, resources, story)
        print(write_table(story, months) + "\n", flush=True)
        told[story.name] = (find_shortfall(story, sum_up(story, months)) <= story.tolerance, months)
    if arguments.json:
        arguments.json.write_text(
            json.dumps({name: [vars(m) for m in found] for name, (_, found) in told.items()}, default=str)
        )
    return 0 if all(good for good, _ in told.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
