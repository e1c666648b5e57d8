"""Cards in the lake, and ml.cards, which says where they are; beside it what a card needs to know from other tables."""

from collections.abc import Mapping
from typing import Any, Literal

from sqlalchemy import Connection, func, select

from nightshift.errors import NightshiftError
from nightshift.io.lake.base import (
    CorruptObject,
    Lake,
    ObjectRef,
    fetch_verified,
    hash_file,
    make_attempt_id,
    store_file,
)
from nightshift.io.pages.cards import render_html, render_json
from nightshift.io.runtime.temp_files import open_temporary_folder
from nightshift.io.warehouse.schema import CARDS, upsert

CardKind = Literal["model", "data"]
CardFormat = Literal["html", "json"]
RENDERERS = {"html": render_html, "json": render_json}
MIME_TYPES: Mapping[CardFormat, str] = {"html": "text/html; charset=utf-8", "json": "application/json"}


def store_card(
    lake: Lake, card: dict[str, Any], known: Mapping[tuple[str, str], ObjectRef]
) -> dict[CardFormat, ObjectRef]:
    """Write the card as HTML and JSON under new keys; the objects of `known` that hold the very same bytes are kept."""
    stored: dict[CardFormat, ObjectRef] = {}
    with open_temporary_folder() as folder:
        for form, render in RENDERERS.items():
            path = folder / f"{card['card']}.{form}"
            path.write_text(render(card), encoding="utf-8")
            earlier = known.get((card["card"], form))
            if earlier and earlier.sha256 == hash_file(path):
                stored[form] = earlier  # type: ignore[index]
                continue
            key = f"cards/{card['pipeline']}/{card['version']}/{make_attempt_id()}/{path.name}"
            stored[form] = store_file(lake, key, path, 0)  # type: ignore[index]
    return stored


def record_card(
    connection: Connection, pipeline: str, version: int, kind: str, stored: Mapping[CardFormat, ObjectRef]
) -> None:
    """From now on these objects are the version's card of this kind."""
    for form, ref in stored.items():
        values = {
            "pipeline": pipeline,
            "version": version,
            "kind": kind,
            "format": form,
            "object_uri": ref.uri,
            "sha256": ref.sha256,
            "written_at": func.now(),
        }
        upsert(connection, CARDS, ("pipeline", "version", "kind", "format"), values)


def find_cards(connection: Connection, pipeline: str, version: int) -> dict[tuple[str, str], ObjectRef]:
    """The version's cards by kind and format."""
    statement = select(CARDS).where(CARDS.c.pipeline == pipeline, CARDS.c.version == version)
    return {(row.kind, row.format): ObjectRef(row.object_uri, row.sha256, 0) for row in connection.execute(statement)}


def list_cards(connection: Connection, pipeline: str) -> dict[int, set[str]]:
    """Which kinds of cards each version of the pipeline has."""
    statement = select(CARDS.c.version, CARDS.c.kind).where(CARDS.c.pipeline == pipeline).distinct()
    found: dict[int, set[str]] = {}
    for row in connection.execute(statement):
        found.setdefault(row.version, set()).add(row.kind)
    return found


def fetch_card(lake: Lake, ref: ObjectRef) -> bytes:
    """The card's bytes; NightshiftError unless they are those that were recorded."""
    with open_temporary_folder() as folder:
        try:
            return fetch_verified(lake, ref, folder / "card").read_bytes()
        except CorruptObject as error:
            raise NightshiftError(
                f"{ref.uri} is not the card that was recorded in ml.cards: it was changed after it was written. "
                "Clear the task `cards` of the training run to write it again."
            ) from error
