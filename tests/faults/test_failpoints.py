"""SIGKILL before and after every write of every step: readers see the old or the new, a retry leaves what it should."""

from collections.abc import Callable

import pytest

from tests.faults.chain import Chain, dump, find_broken_pointers
from tests.faults.kit import look, poll, run, start
from tests.faults.steps import STEPS

Observe = Callable[..., None]
# What costs the least, and what every night does.
FEW = [
    ("extract", "after put 1"), ("validate", "before commit 1"), ("publish", "before commit 1"),
    ("publish", "after commit 1"), ("publish_planned", "after put 1"), ("publish_planned", "before commit 1"),
    ("evaluate", "after commit 1"), ("promote", "after commit 1"),
    pytest.param("gate", "before commit 1", marks=pytest.mark.guarantee(7)),
]  # fmt: skip


def kill_at(chain: Chain, step: str, point: str, observe: Observe) -> None:
    """Kill the step there, look, run it again, compare with the undisturbed run."""
    with chain.open_before(step) as world:
        old, arguments = look(world), chain.arguments(step)
        with poll(world) as seen:
            child = start(world, chain.server, step, arguments, point)
            child.wait_until_there()
            child.kill()
            broken = find_broken_pointers(world)
            again = run(world, chain.server, step, arguments)
        new = look(world)
        torn = seen.count_torn(old, new)
        observe(polls=seen.polls, half_visible=torn, faults=1)
        assert broken == find_broken_pointers(world) == []
        assert torn == 0
        assert again["status"] == chain.ended[step]["status"]
        assert dump(world) == chain.after[step]


@pytest.mark.guarantee(1, 2, 4)
@pytest.mark.parametrize(("step", "point"), FEW)
def test_a_step_that_is_killed_beside_a_write_is_made_good_by_a_retry(
    chain: Chain, step: str, point: str, observe: Observe
) -> None:
    chain.walk_to(step)
    assert point in chain.list_writes(step)
    kill_at(chain, step, point, observe)


@pytest.mark.thorough
@pytest.mark.guarantee(1, 2, 4)
@pytest.mark.parametrize("step", [step for step in STEPS if step != "plan"])
def test_no_write_of_a_step_is_a_bad_moment_to_be_killed(chain: Chain, step: str, observe: Observe) -> None:
    """`plan` writes nothing."""
    chain.walk_to(step)
    writes = chain.list_writes(step)
    assert writes
    for point in writes:
        kill_at(chain, step, point, observe)
