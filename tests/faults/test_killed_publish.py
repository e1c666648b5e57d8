"""SIGKILL in the middle of a COPY: readers keep seeing the old rows, and a retry publishes the new ones."""

from collections.abc import Callable

import pytest

from nightshift.local.postgres import Server
from nightshift.steps.score.score import score_partition
from tests.faults.copies import MANY, find_piece, prepare_many
from tests.faults.kit import look, poll, run, start
from tests.integration.kit import World


@pytest.mark.guarantee(1, 4)
@pytest.mark.parametrize(("share", "later"), [(10, False), (90, False), (50, True)])
def test_readers_see_only_whole_partitions(
    champion_world: World, server: Server, share: int, later: bool, observe: Callable[..., None]
) -> None:
    """Also where the rows are scored while they are copied."""
    world, arguments = prepare_many(champion_world, later)
    old, before = look(world), world.read_state()
    with poll(world) as seen:
        child = start(world, server, "publish", arguments, find_piece(share))
        child.wait_until_there()
        child.kill()
        assert world.read_state() == before
        assert run(world, server, "publish", arguments)["status"] == "done"
    new = look(world)
    torn = seen.count_torn(old, new)
    observe(polls=seen.polls, half_visible=torn, faults=1)
    assert torn == 0
    assert old in seen.views
    assert world.ask("select count(*), count(distinct (shop, visit)) from scores.shops") == [(MANY, MANY)]
    ledger = "select sha256 from ml.ledger where kind = 'scores' and partition_date = :night"
    scored = score_partition(world.config, world.resources, arguments["partition"]).figures
    assert world.ask(ledger, night=arguments["partition"]) == [(scored["scores"]["sha256"],)]
