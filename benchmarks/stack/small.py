"""Many small pipelines, and one champion for all of them. The fault tests' pipeline is another of these."""

import shutil
from collections.abc import Sequence
from dataclasses import fields
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml

from nightshift.config.loading import load_pipeline
from nightshift.config.pipeline import PipelineConfig
from nightshift.io.registry import NewVersion, PromotionRequest, find_champion, promote, register_version
from nightshift.io.resources import Resources
from nightshift.steps import runs

START, LEARNED = date(2026, 1, 1), 4
SPEC: dict[str, Any] = {
    "title": "Visits of the benchmark",
    "start": START,
    "task": "classification",
    "simulated": True,
    "source": {"kind": "python", "function": "source.py:read_visits", "params": {"rows": 500}},
    "columns": {"visit": "integer", "shop": "text", "spent": "number", "returned": "integer"},
    "keys": ["visit"],
    "label": {"column": "returned", "available_after_days": 1},
    "features": {"numeric": ["spent"], "categorical": ["shop"]},
    "training": {
        "metric": "roc_auc",
        "window_days": LEARNED,
        "holdout_days": 1,
        "folds": 2,
        "trials": 1,
        "estimators": [{"kind": "logistic"}],
        "calibrate": "none",
    },
    "gate": {"floor": 0.55, "min_rows": 50, "resamples": 200, "resample": "rows"},
}
SCHEDULES = {"ingest": "0 2 * * *", "drift": "0 5 * * *", "timezone": "UTC"}
SUITE = {
    "max_quarantined_share": 0.1,
    "rows": [
        {"expect_column_values_to_not_be_null": {"column": "shop"}},
        {"expect_column_values_to_be_in_set": {"column": "shop", "value_set": ["north", "south"]}},
        {"expect_column_values_to_be_between": {"column": "spent", "min_value": 0, "max_value": 1000}},
    ],
    "batch": [{"expect_table_row_count_to_be_between": {"min_value": 10}}],
}


def name_pipelines(count: int) -> list[str]:
    """The names shop_000, shop_001 and so on."""
    return [f"shop_{number:03}" for number in range(count)]


def write_pipelines(folder: Path, names: Sequence[str]) -> None:
    """A pipeline folder for each name."""
    for name in names:
        write_pipeline(folder / name, SPEC | {"schedules": SCHEDULES}, Path(__file__).with_name("source.py"))


def write_pipeline(folder: Path, spec: dict[str, Any], source: Path) -> None:
    """One pipeline's folder."""
    folder.mkdir(parents=True)
    shutil.copy(source, folder)
    (folder / "pipeline.yaml").write_text(yaml.safe_dump(spec, sort_keys=False))
    (folder / "expectations.yaml").write_text(yaml.safe_dump(SUITE, sort_keys=False))


def promote_for_all(folder: Path, names: Sequence[str], resources: Resources) -> None:
    """Train the first pipeline's champion; it is version 1 of all the others as well."""
    first = load_pipeline(folder / names[0])
    champion = _train(first, resources)
    version = NewVersion(**{field.name: getattr(champion, field.name) for field in fields(NewVersion)})
    with resources.warehouse.begin() as connection:
        for name in names[1:]:
            number = register_version(connection, name, version)
            promote(connection, name, PromotionRequest(number, None, "bench", "bench", None))


def _train(config: PipelineConfig, resources: Resources) -> Any:
    nights = [START + timedelta(days=number) for number in range(LEARNED)]
    for night in nights:
        runs.run_ingest(config, resources, night, _ignore)
    request = runs.TrainingRequest(as_of=nights[-1], run_id="bench", requested_by="bench")
    outcome = runs.run_train(config, resources, request, _ignore, rehearsal=True)
    if not outcome.figures.get("promoted"):
        raise RuntimeError(f"no champion: {outcome}")
    with resources.warehouse.begin() as connection:
        return find_champion(connection, config.name)


def _ignore(step: str, outcome: Any) -> None:
    """Nobody is told."""
