"""Whole nights of one partition at once: they come one after the other, and leave what one of them leaves."""

from collections.abc import Callable

import pytest

from tests.faults.kit import look, poll
from tests.integration.kit import NIGHTS, ROWS, World
from tests.integration.registry_kit import do_at_once

NIGHT = NIGHTS[6]
AT_ONCE, NEW_ROWS = 4, 90


@pytest.mark.guarantee(1, 3)
def test_nights_at_once_leave_one_set_of_rows(champion_world: World, observe: Callable[..., None]) -> None:
    world = champion_world
    world.run_night(NIGHT)
    old = look(world)
    world.write(NIGHT, count=NEW_ROWS)

    def run_night() -> set[str]:
        return {world.ingest(NIGHT).status, world.score(NIGHT).status}

    with poll(world) as seen:
        found = set[str]().union(*do_at_once([run_night] * AT_ONCE))
    assert "done" in found <= {"done", "skipped"}
    counts = {view["scores"][str(NIGHT)][0] for view in seen.views}
    mixed = sum(view["scores"][str(NIGHT)][2] != 1 for view in seen.views)
    observe(polls=seen.polls, half_visible=mixed, rows_doubled=len(counts - {ROWS, NEW_ROWS}))
    assert (counts <= {ROWS, NEW_ROWS}, mixed) == (True, 0)
    assert look(world) != old
    assert world.ask("select count(*), count(distinct (shop, visit)) from scores.shops") == [(NEW_ROWS, NEW_ROWS)]
    chain = (
        "select v.inputs_sha256 = r.sha256, s.rows from ml.ledger r join ml.ledger v using (pipeline, partition_date)"
        " join ml.ledger s using (pipeline, partition_date)"
        " where r.kind = 'raw' and v.kind = 'valid' and s.kind = 'scores'"
    )
    assert world.ask(chain) == [(True, NEW_ROWS)]
