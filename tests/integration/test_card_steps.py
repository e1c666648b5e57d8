"""Cards of real trainings: written after the gate, true to the registry, and written for bad models as well."""

import json
from pathlib import Path
from typing import Any

import pytest

from nightshift.errors import NightshiftError
from nightshift.io.registry import cards as cards_io
from nightshift.io.registry.cards import fetch_card, find_cards, list_cards
from nightshift.steps.train import assemble_training_set
from nightshift.steps.train.cards import write_cards
from tests.integration.kit import LEARNING, PIPELINE, World, flip_byte

KINDS = {(kind, form) for kind in ("model", "data") for form in ("html", "json")}


def read_card(world: World, version: int, kind: str) -> dict[str, Any]:
    """The JSON of a card, as it lies in the lake."""
    with world.warehouse.begin() as connection:
        ref = find_cards(connection, PIPELINE, version)[kind, "json"]
    card: dict[str, Any] = json.loads(fetch_card(world.lake, ref))
    return card


def assemble(world: World) -> dict[str, Any]:
    return assemble_training_set(world.config, world.resources, LEARNING[-1]).figures


def crash(*_: Any) -> None:
    raise KeyboardInterrupt


@pytest.fixture
def trained_world(champion_world: World) -> World:
    """Version 2, just trained on what version 1 was trained on."""
    assert champion_world.train(LEARNING[-1], "second").status == "done"
    return champion_world


def test_a_training_writes_both_cards_as_page_and_as_json(trained_world: World) -> None:
    world = trained_world
    with world.warehouse.begin() as connection:
        found = find_cards(connection, PIPELINE, 2)
        assert list_cards(connection, PIPELINE)[2] == {"model", "data"}
    assert set(found) == KINDS
    for (kind, form), ref in found.items():
        content = fetch_card(world.lake, ref).decode()
        assert content.startswith("<!doctype html>" if form == "html" else "{")
        assert ref.uri.startswith(f"{world.lake.root.as_uri()}/cards/{PIPELINE}/2/")
        assert ref.uri.endswith(f"/{kind}.{form}")
        assert len(content.encode()) < 300_000


def test_the_cards_agree_with_the_registry(trained_world: World) -> None:
    world = trained_world
    ((artifact, config, metrics, inputs, rows),) = world.ask(
        "select artifact_sha256, config_sha256, metrics, inputs, rows from ml.model_versions where version = 2"
    )
    ((decision, rules),) = world.ask("select decision, rules from ml.gate_decisions where candidate_version = 2")
    model, data = read_card(world, 2, "model"), read_card(world, 2, "data")
    hashes = model["training"]["hashes"]
    assert (hashes["artifact"], hashes["config"], hashes["labels"]) == (artifact, config, inputs["labels_sha256"])
    assert model["training"]["feature_objects"] == data["hashes"]["feature_objects"] == inputs["features"]
    assert model["training"]["rows"] == data["features_of"]["rows"] == rows
    assert data["days"]["rows"] == rows + metrics["holdout_rows"]
    assert model["gate"]["decision"] == decision
    assert [rule["name"] for rule in model["gate"]["rules"]] == [rule["name"] for rule in rules]
    judged = model["evaluation"]["metrics"][0]
    assert (judged["metric"], judged["value"]) == ("roc_auc", metrics["roc_auc"])
    assert judged["low"] < judged["value"] < judged["high"]
    (champion,) = [rule["figures"]["champion"] for rule in rules if rule["name"] == "champion"]
    assert (judged["champion"], judged["baseline"]) == (champion, 0.5)
    assert {feature["name"] for feature in model["features"]} == set(metrics["importance"])
    assert model["features"][0]["name"] == "spent"
    ((count,),) = world.ask("select count(*) from ml.trials where run_id = 'second'")
    assert model["search"]["trials"] == count
    assert sum(model["decisions"]["counts"].values()) == metrics["holdout_rows"]


def test_writing_the_cards_again_writes_nothing_new(trained_world: World) -> None:
    world = trained_world
    before = world.ask("select kind, format, object_uri, sha256 from ml.cards order by 1, 2, version")
    objects = list(world.lake.list_uris("cards/"))
    assert write_cards(world.config, world.resources, assemble(world), 2).status == "done"
    assert world.ask("select kind, format, object_uri, sha256 from ml.cards order by 1, 2, version") == before
    assert list(world.lake.list_uris("cards/")) == objects


def test_a_crash_after_the_objects_leaves_the_old_cards_and_is_mended_by_a_retry(
    trained_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, assembled = trained_world, assemble(trained_world)
    before = world.ask("select * from ml.cards order by version, kind, format")
    with monkeypatch.context() as patch:
        patch.setitem(cards_io.RENDERERS, "html", lambda card: "another page")
        patch.setattr("nightshift.steps.train.cards.record_card", crash)
        with pytest.raises(KeyboardInterrupt):
            write_cards(world.config, world.resources, assembled, 2)
    assert world.ask("select * from ml.cards order by version, kind, format") == before
    assert write_cards(world.config, world.resources, assembled, 2).status == "done"
    assert read_card(world, 2, "model")["version"] == 2


def test_a_version_that_was_not_judged_is_not_loaded_for_its_card(
    trained_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, assembled = trained_world, assemble(trained_world)
    monkeypatch.setattr("nightshift.steps.train.cards.list_decisions", lambda *_: [])
    monkeypatch.setattr("nightshift.steps.train.cards.load_model", lambda *_: pytest.fail("loaded"))
    assert write_cards(world.config, world.resources, assembled, 2).status == "done"
    card = read_card(world, 2, "model")
    assert card["gate"]["decision"] is None
    assert "not loaded" in card["evaluation"]["problem"]
    assert card["evaluation"]["metrics"][0]["value"] is not None
    assert card["calibration"] is None


def test_a_damaged_artifact_gets_a_card_that_says_why(trained_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The artifact rots between evaluation and gate: the gate's `reload` fails, and the card loads nothing."""
    from nightshift.steps.train import judge_candidate

    world, assembled = trained_world, assemble(trained_world)
    ((uri,),) = world.ask("select artifact_uri from ml.model_versions where version = 2")
    flip_byte(world.find_file(uri))
    judge_candidate(world.config, world.resources, assembled, 2)
    monkeypatch.setattr("nightshift.steps.train.cards.load_model", lambda *_: pytest.fail("loaded"))
    assert write_cards(world.config, world.resources, assembled, 2).status == "done"
    card = read_card(world, 2, "model")
    (reload,) = [rule for rule in card["gate"]["rules"] if rule["name"] == "reload"]
    assert (reload["passed"], card["decisions"]) == (False, None)
    assert reload["reason"] in card["evaluation"]["problem"]


def test_cards_of_an_unknown_version_are_refused(champion_world: World) -> None:
    with pytest.raises(NightshiftError, match="no model version 9"):
        write_cards(champion_world.config, champion_world.resources, assemble(champion_world), 9)


def test_a_card_that_was_changed_in_the_lake_is_refused(trained_world: World) -> None:
    world = trained_world
    with world.warehouse.begin() as connection:
        ref = find_cards(connection, PIPELINE, 2)["model", "html"]
    path: Path = world.find_file(ref.uri)
    path.write_text(path.read_text().replace("version 2", "version 9"))
    with pytest.raises(NightshiftError, match="not the card that was recorded"):
        fetch_card(world.lake, ref)
