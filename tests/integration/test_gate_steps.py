"""The gate on real trainings: what must not take over is refused with its own reason, and scoring goes on."""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nightshift.io.registry import NewVersion, PromotionRequest, find_version, promote, register_version
from nightshift.steps.train import assemble_training_set, evaluate_candidate, judge_candidate, promote_candidate
from nightshift.steps.train import tune_and_fit as fit
from nightshift.steps.train.promote import Promoter
from tests.integration.kit import LEARNING, NIGHTS, PIPELINE, World, bend, draw_rows

LATER = NIGHTS[6:12]


def ingest(world: World, change: Callable[[pd.DataFrame], pd.DataFrame] = lambda rows: rows) -> None:
    for night in LATER:
        world.write(night, change(draw_rows(night)))
        assert world.ingest(night).status == "done"


def train(world: World, run_id: str = "second") -> dict[str, Any]:
    """A training on the later nights only; its figures, rules by name."""
    outcome = world.train(LATER[-1], run_id, train_from=LATER[0], train_to=LATER[-1])
    assert outcome.status == "done"
    return {**outcome.figures, "rules": {rule["name"]: rule for rule in outcome.figures["rules"]}}


def prepare(world: World, run_id: str) -> tuple[dict[str, Any], int]:
    """A candidate that was not evaluated yet."""
    assembled = assemble_training_set(world.config, world.resources, LATER[-1], LATER[0], LATER[-1]).figures
    fitted = fit(world.config, world.resources, assembled, run_id).figures
    return assembled, evaluate_candidate(world.config, world.resources, assembled, fitted, run_id).figures["version"]


def shuffle_labels(rows: pd.DataFrame) -> pd.DataFrame:
    shuffled = np.random.default_rng(len(rows) + int(rows["spent"].sum())).permutation(rows["returned"])
    return rows.assign(returned=shuffled)


def leak_label(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(spent=10 + 80 * rows["returned"] + rows["visit"] % 7)


def end_constant(rows: pd.DataFrame) -> pd.DataFrame:
    """From the fifth night on nobody returns, so that a ranking metric of the held-out rows can't be computed."""
    late = rows["seen_at"].iloc[0] >= str(LATER[4])
    return rows.assign(returned=0) if late else rows


@pytest.mark.guarantee(7)
@pytest.mark.parametrize(
    ("change", "rule", "told"),
    [
        (shuffle_labels, "baseline", "baseline"),
        (leak_label, "leakage", "spent"),
        (end_constant, "floor", "could not be computed"),
    ],
)
def test_a_candidate_that_learnt_the_wrong_thing_is_refused_with_its_own_reason(
    champion_world: World, change: Callable[[pd.DataFrame], pd.DataFrame], rule: str, told: str
) -> None:
    world = champion_world
    ingest(world, change)
    assert world.score(LATER[0]).status == "done"
    champions = world.ask("select * from ml.champions")
    figures = train(world)
    assert (figures["decision"], figures["promoted"]) == ("keep", False)
    assert figures["rules"][rule]["passed"] is False
    assert told in figures["rules"][rule]["reason"]
    assert world.ask("select * from ml.champions") == champions
    assert world.score(LATER[1]).status == "done"


def test_a_model_that_says_the_same_of_every_row_is_refused(champion_world: World) -> None:
    world = champion_world
    ingest(world, lambda rows: rows.assign(spent=40.0, shop="north", seen_at=rows["seen_at"].str[:11] + "12:30:00"))
    figures = train(world)
    assert figures["decision"] == "keep"
    assert figures["rules"]["sanity"]["passed"] is False
    assert "for every row" in figures["rules"]["sanity"]["reason"]
    assert world.ask("select version from ml.champions") == [(1,)]


@pytest.mark.guarantee(7, 8)
def test_a_candidate_that_needs_a_feature_that_is_not_there_is_refused(champion_world: World) -> None:
    world = champion_world
    ingest(world)
    assembled, version = prepare(world, "second")
    with world.warehouse.begin() as connection:
        found = find_version(connection, PIPELINE, version)
        assert found
        known = {field.name: getattr(found, field.name) for field in fields(NewVersion)}
        features = {**found.features, "numeric": [*found.features["numeric"], "loyalty"]}
        third = register_version(connection, PIPELINE, NewVersion(**{**known, "run_id": "third", "features": features}))
    judged = judge_candidate(world.config, world.resources, assembled, third).figures
    rules = {rule["name"]: rule for rule in judged["rules"]}
    assert judged["decision"] == "keep"
    assert rules["features"]["passed"] is False
    assert "loyalty" in rules["features"]["reason"]
    assert world.ask("select version from ml.champions") == [(1,)]


@pytest.mark.guarantee(6)
def test_of_two_trainings_at_once_one_wins_and_the_other_is_judged_again(champion_world: World) -> None:
    world = bend(champion_world, **{"gate.champion_margin": 0.2})
    ingest(world)
    (assembled, second), (_, third) = prepare(world, "second"), prepare(world, "third")
    judged = {v: judge_candidate(world.config, world.resources, assembled, v).figures for v in (second, third)}
    assert [found["champion_version"] for found in judged.values()] == [1, 1]
    outcomes = [
        promote_candidate(
            world.config, world.resources, assembled, version, judged[version], Promoter("tests", "because")
        )
        for version in (second, third)
    ]
    assert [outcome.figures["judged_again"] for outcome in outcomes] == [0, 1]
    assert world.ask("select version, previous_version from ml.promotions order by id") == [(1, None), (2, 1), (3, 2)]
    decisions = "select candidate_version, champion_version from ml.gate_decisions order by id"
    assert world.ask(decisions) == [(1, None), (2, 1), (3, 1), (3, 2)]


def test_the_one_that_lost_is_kept_out_where_the_new_champion_is_better(champion_world: World) -> None:
    """It was good enough against the former champion; it is not against the one that won meanwhile."""
    world = bend(champion_world, **{"gate.policy": "superior"})
    ingest(world)
    (assembled, second), (_, third) = prepare(world, "second"), prepare(world, "third")
    claimed = judge_candidate(world.config, world.resources, assembled, third).figures | {"decision": "promote"}
    with world.warehouse.begin() as connection:
        promote(connection, PIPELINE, PromotionRequest(second, 1, "tests", "first", None))
    outcome = promote_candidate(world.config, world.resources, assembled, third, claimed, Promoter("tests", "late"))
    assert outcome.status == "skipped"
    assert world.ask("select version from ml.champions") == [(second,)]


def test_what_needs_approval_waits_for_it_and_the_history_names_who_gave_it(champion_world: World) -> None:
    world = bend(champion_world, **{"gate.approval": "required", "gate.champion_margin": 0.2})
    ingest(world)
    figures = train(world)
    assert (figures["decision"], figures["promoted"]) == ("needs_approval", False)
    assembled, _ = prepare(world, "second")
    judged = judge_candidate(world.config, world.resources, assembled, figures["version"]).figures
    outcome = promote_candidate(
        world.config, world.resources, assembled, figures["version"], judged, Promoter("schedule", "nightly", "ada")
    )
    assert outcome.status == "done"
    query = "select kind, promoted_by, approved_by, gate_decision_id from ml.promotions order by id desc limit 1"
    assert world.ask(query) == [("approval", "schedule", "ada", judged["gate_decision_id"])]


@pytest.mark.guarantee(6)
def test_an_approval_does_not_count_against_another_champion(champion_world: World) -> None:
    world = bend(champion_world, **{"gate.approval": "required", "gate.champion_margin": 0.2})
    ingest(world)
    (assembled, second), (_, third) = prepare(world, "second"), prepare(world, "third")
    judged = judge_candidate(world.config, world.resources, assembled, third).figures
    with world.warehouse.begin() as connection:
        promote(connection, PIPELINE, PromotionRequest(second, 1, "tests", "first", None))
    outcome = promote_candidate(world.config, world.resources, assembled, third, judged, Promoter("a", "b", "ada"))
    assert outcome.status == "stopped"
    assert "approval was given before" in outcome.reason
    assert world.ask("select version from ml.champions") == [(second,)]


def test_too_little_to_tell_keeps_the_champion_and_says_so(champion_world: World) -> None:
    world = bend(champion_world, **{"gate.champion_margin": 0.0001})
    ingest(world)
    figures = train(world)
    assert (figures["decision"], figures["rules"]["champion"]["passed"]) == ("keep", None)
    assert "unclear" in figures["reason"]
    reasons = world.ask("select reason from ml.gate_decisions order by id desc limit 1")
    assert reasons == [(figures["reason"],)]


def test_a_champion_with_a_feature_that_is_not_used_any_more_is_judged_while_the_lake_has_it(
    champion_world: World,
) -> None:
    world = champion_world
    ingest(world)
    numeric = [name for name in world.config.spec.features.numeric if name != "spent"]
    changed = bend(world, **{"features.numeric": numeric})
    figures = train(changed)
    assert figures["rules"]["champion"]["figures"]["champion"] > 0.6
    assert figures["rules"]["champion"]["passed"] is False


def test_a_champion_that_cannot_be_judged_stays_and_the_reason_names_the_feature(champion_world: World) -> None:
    world = champion_world
    numeric = [name for name in world.config.spec.features.numeric if name != "spent"]
    changed = bend(world, **{"features.numeric": numeric})
    ingest(changed)
    figures = train(changed)
    assert (figures["decision"], figures["rules"]["champion"]["passed"]) == ("keep", None)
    assert "spent" in figures["rules"]["champion"]["reason"]
    assert world.ask("select version from ml.champions") == [(1,)]


def test_the_first_model_ever_passes_without_a_champion_but_not_without_the_other_rules(world: World) -> None:
    strict = bend(world, **{"gate.floor": 0.99})
    for night in LEARNING:
        strict.write(night)
        assert strict.ingest(night).status == "done"
    figures = strict.train(LEARNING[-1], "first").figures
    assert (figures["decision"], figures["champion_version"]) == ("keep", None)
    assert strict.ask("select count(*) from ml.champions") == [(0,)]
    assert replace(strict).score(LEARNING[0]).status == "skipped"
