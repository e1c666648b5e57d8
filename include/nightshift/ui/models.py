"""What the page of a pipeline's versions shows, and the cards behind it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nightshift.config.loading import load_pipelines
from nightshift.config.pipeline import PipelineConfig
from nightshift.io.registry.cards import CardFormat, CardKind, fetch_card, find_cards, list_cards
from nightshift.io.resources import Resources, open_resources
from nightshift.orchestration.connections import read_connection
from nightshift.steps.registry.models import list_models
from nightshift.ui.access import Access


def find_config(access: Access, pipeline: str) -> PipelineConfig | None:
    """The pipeline, if there is one of that name that `access` allows; who may not see it can't tell the two apart."""
    if not access.allows(pipeline):
        return None
    return next((config for config in load_pipelines().usable if config.name == pipeline), None)


def read_models(config: PipelineConfig) -> list[dict[str, Any]]:
    """Every version, newest first, with the kinds of cards that it has."""
    with open_local_resources() as resources:
        with resources.warehouse.begin() as connection:
            cards = list_cards(connection, config.name)
        return [{**model, "cards": cards.get(model["version"], set())} for model in list_models(config, resources)]


def read_card(config: PipelineConfig, version: int, kind: CardKind, form: CardFormat) -> bytes | None:
    """The card's bytes, checked; None where the version has none. The request names no path and no key."""
    with open_local_resources() as resources:
        with resources.warehouse.begin() as connection:
            ref = find_cards(connection, config.name, version).get((kind, form))
        return fetch_card(resources.lake, ref) if ref else None


@contextmanager
def open_local_resources() -> Iterator[Resources]:
    """Warehouse and lake for one request."""
    resources = open_resources(read_connection)
    try:
        yield resources
    finally:
        # A changed connection must count at the next request, so no pool outlives this one.
        resources.warehouse.engine.dispose()
