"""What the overview shows: the state of the pipelines, those that are refused, and the warehouse's own problem."""

from dataclasses import dataclass
from typing import Any

from nightshift.config.loading import load_pipelines
from nightshift.config.pipeline import PipelineConfig
from nightshift.errors import NightshiftError
from nightshift.io.resources import open_resources
from nightshift.orchestration.connections import read_connection
from nightshift.steps.status import read_status
from nightshift.ui.access import Access


@dataclass(frozen=True)
class Overview:
    """One record per pipeline, the messages of refused ones, and the warehouse's problem, if any."""

    pipelines: list[dict[str, Any]]
    refused: list[str]
    problem: str | None


def read_overview(access: Access) -> Overview:
    """Everything that `access` allows."""
    loaded = load_pipelines()
    refused = [str(problem) for problem in loaded.refused] if access.import_errors else []
    configs = [config for config in loaded.usable if access.allows(config.name)]
    try:
        return Overview(_read_pipelines(configs), refused, None)
    except NightshiftError as problem:
        known = [{"pipeline": config.name, **config.describe()} for config in configs]
        return Overview(known, refused, str(problem))


def _read_pipelines(configs: list[PipelineConfig]) -> list[dict[str, Any]]:
    resources = open_resources(read_connection)
    try:
        return read_status(resources, configs)
    finally:
        # A changed connection must count at the next request, so no pool outlives this one.
        resources.warehouse.engine.dispose()
