"""The server commits and its reply is lost: the step says that it may be tried again, and trying doubles nothing."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nightshift.errors import TemporarilyUnavailable
from nightshift.local.postgres import Server
from tests.faults.chain import Chain, dump, find_broken_pointers
from tests.faults.kit import look, open_copy, poll
from tests.faults.proxies import Losses, lose_commit_replies
from tests.faults.steps import STEPS, call_step

Observe = Callable[..., None]
# What must never be doubled, and costs the least.
FEW = ["extract", "publish", "evaluate", "promote"]


@pytest.fixture
def proxied(server: Server) -> Iterator[tuple[Server, Losses]]:
    """A server whose replies can be lost. Its folder has a short name: a socket's path is short."""
    with tempfile.TemporaryDirectory(prefix="ns-px-") as folder, lose_commit_replies(server, Path(folder)) as proxied:
        yield proxied


def lose_reply(chain: Chain, step: str, number: int, proxied: tuple[Server, Losses], observe: Observe) -> bool:
    """Whether the step commits so often; if it does, its retry must leave what an undisturbed run leaves."""
    proxy, losses = proxied
    losses.commits, losses.lost, losses.lose = 0, 0, number
    with chain.open_before(step) as world:
        database, arguments, old = str(world.warehouse.engine.url.database), chain.arguments(step), look(world)
        with poll(world) as seen, open_copy(world, proxy, database) as cut:
            try:
                first = call_step(step, cut.config, cut.resources, arguments)
            except TemporarilyUnavailable as error:
                assert "run this again: nothing is lost or doubled" in str(error)
            else:
                assert not losses.lost, f"the step never heard of its COMMIT and says: {first}"
                return False
            assert losses.lost == 1
            again = call_step(step, world.config, world.resources, arguments)
        torn = seen.count_torn(old, look(world))
        observe(polls=seen.polls, half_visible=torn, faults=1)
        assert torn == 0
        assert again.status == chain.ended[step]["status"]
        assert dump(world) == chain.after[step]
        assert find_broken_pointers(world) == []
    return True


@pytest.mark.guarantee(1, 5)
@pytest.mark.parametrize("step", FEW)
def test_a_commit_whose_reply_is_lost_is_not_done_twice(
    chain: Chain, step: str, proxied: tuple[Server, Losses], observe: Observe
) -> None:
    assert lose_reply(chain, step, 1, proxied, observe)


@pytest.mark.thorough
@pytest.mark.guarantee(1, 5)
@pytest.mark.parametrize("step", sorted(STEPS.keys() - {"score", "plan", "assemble"}))
def test_no_commit_of_a_step_is_done_twice(
    chain: Chain, step: str, proxied: tuple[Server, Losses], observe: Observe
) -> None:
    number = 1
    while lose_reply(chain, step, number, proxied, observe):
        number += 1
    assert number > 1
