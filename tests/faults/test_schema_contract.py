"""The source's columns change: what each policy does, and that nothing is absorbed in silence."""

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from nightshift.io.lake.base import ObjectRef
from nightshift.io.lake.parquet import fetch_table
from nightshift.steps.alerts import reconcile_alerts
from nightshift.steps.status import describe_schema_changes
from tests.faults.test_bad_input import NIGHT, ingest, night_world, point_to
from tests.integration.kit import World, draw_rows

__all__ = ["night_world"]
pytestmark = pytest.mark.guarantee(19)

STOPS, GOES_ON = "stopped", "done"
CHANGES = {
    "added": (lambda rows: rows.assign(loyalty=1), {"freeze": STOPS, "ignore_extra": GOES_ON, "evolve": GOES_ON}),
    "dropped": (lambda rows: rows.drop(columns="spent"), dict.fromkeys(("freeze", "ignore_extra", "evolve"), STOPS)),
    "dropped, unused": (
        lambda rows: rows.drop(columns="rained"),
        {"freeze": STOPS, "ignore_extra": STOPS, "evolve": GOES_ON},
    ),
    "renamed": (
        lambda rows: rows.rename(columns={"rained": "had_rained"}),
        {"freeze": STOPS, "ignore_extra": STOPS, "evolve": GOES_ON},
    ),
    "retyped": (lambda rows: rows.assign(spent="many"), dict.fromkeys(("freeze", "ignore_extra", "evolve"), STOPS)),
}


def read_changes(world: World) -> list[tuple[object, ...]]:
    query = "select change, column_name, accepted from monitoring.schema_changes where partition_date = :d"
    return world.ask(query, d=NIGHT)


def read_columns(world: World) -> list[str]:
    query = "select object_uri, sha256, rows from ml.ledger where kind = 'valid' and partition_date = :d"
    return fetch_table(world.lake, ObjectRef(*world.ask(query, d=NIGHT)[0])).column_names


@pytest.mark.parametrize("policy", ["freeze", "ignore_extra", "evolve"])
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_reported_and_the_policy_applied(
    night_world: World, tmp_path: Path, change: str, policy: str
) -> None:
    bend, fates = CHANGES[change]
    world = point_to(night_world, tmp_path, schema={"policy": policy})
    before = world.read_state(without=NIGHT)
    world.write(NIGHT, bend(draw_rows(NIGHT)))
    outcome, _ = ingest(world)
    assert outcome.status == fates[policy]
    found = read_changes(world)
    assert [kind for kind, _, _ in found] == [change.partition(",")[0]]
    assert all(accepted for _, _, accepted in found) == (outcome.status == GOES_ON)
    if outcome.status == STOPS:
        assert world.read_state(without=NIGHT) == before
    else:
        assert ("loyalty" in read_columns(world)) == (change == "added" and policy == "evolve")
        assert world.score(NIGHT).status == "done"


@pytest.mark.parametrize("policy", ["freeze", "ignore_extra", "evolve"])
def test_order_is_no_difference(night_world: World, tmp_path: Path, policy: str) -> None:
    world = point_to(night_world, tmp_path, schema={"policy": policy})
    rows = draw_rows(NIGHT)
    world.run_night(NIGHT, rows)
    scores = world.hash_scores()
    world.run_night(NIGHT, rows[sorted(rows)])
    assert read_changes(world) == []
    assert world.hash_scores() == scores


def test_a_new_column_may_not_take_the_name_of_a_feature(night_world: World, tmp_path: Path) -> None:
    world = point_to(night_world, tmp_path, schema={"policy": "evolve"})
    world.run_night(NIGHT, draw_rows(NIGHT).assign(hour=99, partition_date="x"))
    assert not {"hour", "partition_date"} & set(read_columns(world))
    assert {column for _, column, _ in read_changes(world)} == {"hour", "partition_date"}


def test_a_change_that_the_policy_takes_is_told_once_and_is_over_with_a_batch_without_it(
    night_world: World, tmp_path: Path
) -> None:
    world = point_to(night_world, tmp_path)
    alert = ["schema_change", str(NIGHT)]

    def bring(rows: pd.DataFrame) -> dict[str, list[list[str]]]:
        (world.folder / f"{NIGHT}.csv").write_text(rows.to_csv(index=False))
        assert ingest(world)[0].status == "done"
        return reconcile_alerts(world.config, world.resources, datetime.now(UTC)).figures

    assert alert in bring(draw_rows(NIGHT).assign(loyalty=1))["opened"]
    told = describe_schema_changes(world.resources, world.config.name)
    assert told is not None
    assert str(NIGHT) in told
    assert "loyalty" in told
    assert alert not in bring(draw_rows(NIGHT).assign(loyalty=1))["opened"]
    assert alert in bring(draw_rows(NIGHT))["recovered"]
    assert describe_schema_changes(world.resources, world.config.name) is None
