"""A candidate that a person decides about: what the person is shown, and what a no leaves behind."""

from typing import Any

import pytest

from nightshift.steps.train.decline import decline_candidate
from nightshift.steps.train.request import write_request
from tests.integration.kit import LEARNING, World, bend


@pytest.fixture
def asked(champion_world: World) -> tuple[World, dict[str, Any]]:
    """A second candidate that waits for approval, and the gate's figures."""
    world = bend(champion_world, **{"gate.approval": "required", "gate.champion_margin": 0.2})
    outcome = world.train(LEARNING[-1], "second")
    assert (outcome.status, outcome.figures["decision"]) == ("done", "needs_approval")
    return world, outcome.figures


def test_on_the_command_line_it_is_not_promoted_and_the_summary_says_how(asked: tuple[World, dict[str, Any]]) -> None:
    world, figures = asked
    assert figures["promoted"] is False
    assert figures["approve"] == "bin/nightshift promote shops 2 --reason …"
    assert world.ask("select version from ml.champions") == [(1,)]


def test_the_request_compares_the_candidate_with_the_champion(asked: tuple[World, dict[str, Any]]) -> None:
    world, figures = asked
    request = write_request(world.config, world.resources, 2, figures, ["the end"])
    assert request.subject == "shops: may version 2 take over instead of version 1?"
    assert request.outdates is False
    assert request.body.endswith("the end")
    for rule in figures["rules"]:
        assert f"| {rule['name'].replace('_', chr(92) + '_')} |" in request.body
    for told in ("version 2 (candidate) | version 1 (champion)", "naive baseline", "95\\% interval"):
        assert told in request.body


def test_a_request_for_a_candidate_that_was_judged_again_says_so(asked: tuple[World, dict[str, Any]]) -> None:
    world, figures = asked
    later = {**figures, "gate_decision_id": figures["gate_decision_id"] + 1}
    assert write_request(world.config, world.resources, 2, later, []).outdates is True
    assert write_request(world.config, world.resources, 1, later, []).outdates is False


def test_a_no_leaves_the_champion_and_stays_in_the_history(asked: tuple[World, dict[str, Any]]) -> None:
    world, figures = asked
    outcome = decline_candidate(world.config, world.resources, 2, figures, "rejected by ada: not now")
    assert (outcome.status, "version 2 is not promoted: rejected by ada" in outcome.reason) == ("skipped", True)
    query = (
        "select decision, candidate_version, champion_version, reason, rules from ml.gate_decisions order by id desc"
    )
    ((*last, rules), *_) = world.ask(query)
    assert last == ["keep", 2, 1, "rejected by ada: not now"]
    assert [rule["name"] for rule in rules] == [rule["name"] for rule in figures["rules"]]
    assert world.ask("select version from ml.champions") == [(1,)]
