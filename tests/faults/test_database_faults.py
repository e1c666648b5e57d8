"""PostgreSQL is killed in the middle of a load or a promotion: readers keep the old, and a retry finds its way."""

import os
import signal
import time
from collections.abc import Callable

import psutil
import psycopg2
import pytest
from sqlalchemy.exc import DBAPIError

from nightshift.local.paths import Paths
from nightshift.local.postgres import Server, find_server_process, start_postgres
from tests.faults.chain import Chain, dump
from tests.faults.copies import MANY, find_piece, prepare_many
from tests.faults.kit import Child, look, poll, run, start
from tests.faults.steps import NIGHT
from tests.integration.conftest import execute
from tests.integration.kit import ROWS, World

Observe = Callable[..., None]
SHARES = (25, 50, 75)


@pytest.fixture(autouse=True)
def write_sequences_down(server: Server) -> None:
    """A checkpoint: PostgreSQL 18 forgets in a crash what a sequence of a copied database gave out since the copy.

    Only the tests' databases are copies; without it the next ones would be given numbers that are taken.
    """
    execute(server, "checkpoint")


def find_backend(world: World) -> int:
    """The process of the server that is in the middle of a COPY."""
    query = "select pid from pg_stat_activity where datname = current_database() and query ilike 'copy%'"
    ((pid,),) = world.ask(query)
    return int(pid)


def cut_connection(world: World, paths: Paths) -> None:
    """As an administrator does it."""
    world.ask("select pg_terminate_backend(:pid)", pid=find_backend(world))


def kill_backend(world: World, paths: Paths) -> None:
    """SIGKILL of one process of the server: all the others restart."""
    os.kill(find_backend(world), signal.SIGKILL)


def stop_server(world: World, paths: Paths) -> None:
    """As `pg_ctl -m immediate stop` does it; then it is started again."""
    running = find_server_process(paths)
    assert running
    postmaster = psutil.Process(running.pid)
    postmaster.send_signal(signal.SIGQUIT)
    psutil.wait_procs([postmaster], timeout=30)
    start_postgres(paths)


FAULTS = {"terminate": cut_connection, "kill -9": kill_backend, "immediate stop": stop_server}


def wait_until_up(world: World) -> None:
    """Until the server has recovered."""
    for _ in range(300):
        try:
            world.warehouse.engine.dispose()
            look(world)
        except (DBAPIError, psycopg2.Error):
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the server did not come back")


def break_copy(world: World, server: Server, paths: Paths, fault: str, share: int, observe: Observe) -> None:
    """Break the COPY there; the step says that it may be tried again, and trying it works."""
    world, arguments = prepare_many(world)
    old = look(world)
    with poll(world) as seen:
        child = start(world, server, "publish", arguments, find_piece(share))
        child.wait_until_there()
        FAULTS[fault](world, paths)
        wait_until_up(world)
        assert look(world) == old
        child.go()
        check_temporary(child)
        assert look(world) == old
        assert run(world, server, "publish", arguments)["status"] == "done"
    torn = seen.count_torn(old, look(world))
    observe(polls=seen.polls, half_visible=torn, faults=1)
    assert torn == 0
    assert old["scores"][str(NIGHT)][0] == ROWS
    assert world.ask("select count(*), count(distinct (shop, visit)) from scores.shops") == [(MANY, MANY)]


def check_temporary(child: Child) -> None:
    """The step raised what a scheduler tries again."""
    ended = child.end()
    assert ended["status"] == "TemporarilyUnavailable", ended
    assert "run this again: nothing is lost or doubled" in ended["reason"]


@pytest.mark.guarantee(1, 15)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_copy_that_is_broken_off_leaves_the_old_rows(
    champion_world: World, server: Server, house_paths: Paths, fault: str, observe: Observe
) -> None:
    break_copy(champion_world, server, house_paths, fault, 50, observe)


@pytest.mark.thorough
@pytest.mark.guarantee(1, 15)
@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_copy_may_be_broken_off_anywhere(
    champion_world: World, server: Server, house_paths: Paths, fault: str, share: int, observe: Observe
) -> None:
    break_copy(champion_world, server, house_paths, fault, share, observe)


@pytest.mark.guarantee(6, 15)
@pytest.mark.parametrize("point", ["before commit 1", "after commit 1"])
def test_a_server_that_stops_in_the_middle_of_a_promotion_has_one_champion(
    chain: Chain, server: Server, house_paths: Paths, point: str, observe: Observe
) -> None:
    """Before the COMMIT the old one, after it the new one; and the retry agrees with the undisturbed run."""
    with chain.open_before("promote") as world:
        old, arguments = look(world), chain.arguments("promote")
        with poll(world) as seen:
            child = start(world, server, "promote", arguments, point)
            child.wait_until_there()
            stop_server(world, house_paths)
            wait_until_up(world)
            found = look(world)
            child.go()
            child.end()
            assert run(world, server, "promote", arguments)["status"] == "done"
        new, torn = look(world), seen.count_torn(old, look(world))
        wrong = int(found != (old if point.startswith("before") else new)) + int(new["champion"] != 3)
        observe(polls=seen.polls, half_visible=torn, wrong_champions=wrong, faults=1)
        assert (torn, wrong) == (0, 0)
        assert dump(world) == chain.after["promote"]
