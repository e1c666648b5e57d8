"""A night from file to scored table: what comes in, what is refused, and what a refusal leaves alone."""

from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

import pandas as pd
import pytest

from nightshift.config.airflow.connections import WAREHOUSE, ConnectionSpec
from nightshift.errors import DataUnavailable, NightshiftError, TemporarilyUnavailable
from nightshift.io.lake.base import ObjectRef
from nightshift.io.lake.parquet import fetch_table
from nightshift.io.resources import Resources
from nightshift.io.warehouse.engine import open_warehouse
from nightshift.steps import runs
from tests.integration.kit import LEARNING, NIGHTS, ROWS, World, draw_rows, ignore

NIGHT, NEXT = NIGHTS[6], NIGHTS[7]
NOW = datetime(2026, 2, 1, 5, tzinfo=UTC)
CONTRACT = {
    "scores.shops": "shop visit partition_date:date score:double+precision model_version:integer "
    "scored_at:timestamp+with+time+zone decision:boolean",
    "scores.shops_latest": "shop visit partition_date score model_version scored_at decision",
    "ml.model_versions": "pipeline version created_at artifact_uri artifact_sha256 config_sha256 code_version "
    "train_from train_to rows metrics:jsonb",
    "ml.gate_decisions": "id pipeline candidate_version champion_version decision rules:jsonb decided_at",
    "ml.promotions": "pipeline version previous_version promoted_at promoted_by reason gate_decision_id",
    "ml.ledger": "pipeline partition_date kind attempt model_version rows object_uri sha256 written_at",
    "monitoring.validation": "pipeline partition_date success:boolean rows quarantined failures:jsonb",
    "monitoring.drift": "pipeline window_from window_to drifted:boolean share columns:jsonb report_uri measured_at",
    "monitoring.retrain_decisions": "pipeline decided_at decision reason run_id",
}


def read_quarantine(world: World, night: date) -> pd.DataFrame:
    query = "select object_uri, sha256, rows from ml.ledger where kind = 'quarantine' and partition_date = :night"
    (found,) = world.ask(query, night=night)
    return fetch_table(world.lake, ObjectRef(*found)).to_pandas()


def read_verdict(world: World, night: date) -> tuple[bool, int, int, list[dict[str, object]]]:
    query = "select success, rows, quarantined, failures from monitoring.validation where partition_date = :night"
    (found,) = world.ask(query, night=night)
    return found  # type: ignore[return-value]


def test_a_night_writes_what_the_contract_promises(champion_world: World) -> None:
    world = champion_world
    world.run_night(NIGHT)
    kinds = {row[0] for row in world.ask("select kind from ml.ledger where partition_date = :night", night=NIGHT)}
    assert {"raw", "features", "scores"} <= kinds
    assert world.ask("select count(*), min(model_version), max(model_version) from scores.shops") == [(ROWS, 1, 1)]
    assert world.ask("select count(*) from scores.shops where decision <> (score >= 0.5)") == [(0,)]
    assert world.ask("select count(*) from scores.shops where score between 0 and 1") == [(ROWS,)]
    ledger = "select rows, model_version, sha256 is not null from ml.ledger where kind = 'scores'"
    assert world.ask(ledger) == [(ROWS, 1, True)]
    assert read_verdict(world, NIGHT) == (True, ROWS, 0, [])


@pytest.mark.parametrize("table", CONTRACT)
def test_the_contracts_columns_exist_by_name_and_type(champion_world: World, table: str) -> None:
    if table.startswith("scores."):
        champion_world.run_night(NIGHT)
    schema, name = table.split(".")
    query = "select column_name, data_type from information_schema.columns where table_schema = :a and table_name = :b"
    found = dict(champion_world.ask(query, a=schema, b=name))
    for item in CONTRACT[table].split():
        column, _, kind = item.partition(":")
        assert column in found
        assert not kind or found[column] == kind.replace("+", " ")


def test_scores_are_natively_range_partitioned_by_date_and_latest_shows_the_newest(champion_world: World) -> None:
    world = champion_world
    for night in (NIGHT, NEXT, date(2026, 2, 1)):
        world.run_night(night)
    strategy = (
        "select partstrat, attname from pg_partitioned_table p join pg_attribute a on a.attrelid = p.partrelid "
        "and a.attnum = p.partattrs[0] where partrelid = 'scores.shops'::regclass"
    )
    assert world.ask(strategy) == [("r", "partition_date")]
    # Each day of the first month has a part, then it is known that a month's days can share one.
    parts = "select count(*) from pg_inherits where inhparent = 'scores.shops'::regclass"
    assert world.ask(parts) == [(3,)]
    assert world.ask("select distinct partition_date from scores.shops_latest") == [(date(2026, 2, 1),)]
    assert world.ask("select count(*) from scores.shops") == [(3 * ROWS,)]


@pytest.mark.guarantee(2)
def test_the_same_night_again_leaves_the_same_rows_to_the_microsecond(champion_world: World) -> None:
    world = champion_world
    world.run_night(NIGHT)
    before, stamp = world.hash_scores(), world.ask("select max(scored_at), count(*) from scores.shops")
    for _ in range(2):
        assert [world.ingest(NIGHT).status, world.score(NIGHT).status] == ["done", "done"]
        assert world.ask("select max(scored_at), count(*) from scores.shops") == stamp
        assert world.hash_scores() == before


def test_neither_order_nor_exact_repetition_of_the_input_matters(champion_world: World) -> None:
    world = champion_world
    rows = draw_rows(NIGHT)
    world.run_night(NIGHT, rows)
    before = world.hash_scores()
    world.run_night(NIGHT, pd.concat([rows, rows.iloc[5:50], rows.iloc[[7, 7]]]).sample(frac=1, random_state=3))
    assert world.hash_scores() == before
    assert world.ask("select repeated from monitoring.validation where partition_date = :n", n=NIGHT) == [(47,)]


def test_other_rows_are_other_scores(champion_world: World) -> None:
    """Keeping the time must not hide that something changed."""
    world = champion_world
    world.run_night(NIGHT)
    before, stamp = world.hash_scores(), world.ask("select max(scored_at) from scores.shops")
    world.run_night(NIGHT, count=ROWS - 1)
    assert world.hash_scores() != before
    assert world.ask("select max(scored_at) from scores.shops") > stamp


def test_bad_rows_go_to_quarantine_with_their_reasons_and_the_others_on(champion_world: World) -> None:
    world = champion_world
    rows = draw_rows(NIGHT).astype({"spent": object, "visit": object, "seen_at": object})
    rows.loc[0, "spent"] = -5
    rows.loc[1, "spent"] = "12,50"
    rows.loc[2, "shop"] = None
    rows.loc[3, "seen_at"] = "2025-12-31 10:00:00"
    world.run_night(NIGHT, rows)
    found = read_quarantine(world, NIGHT)
    reasons = dict(zip(found["visit"], found["quarantine_reason"], strict=True))
    assert set(reasons) == {"0", "1", "2", "3"}
    assert "spent" in reasons["0"]
    assert "'12,50' is not a valid number" in reasons["1"]
    assert "shop: the key is missing" in reasons["2"]
    assert "outside partition" in reasons["3"]
    success, count, quarantined, failures = read_verdict(world, NIGHT)
    assert (success, count, quarantined) == (True, ROWS, 4)
    assert {failure["level"] for failure in failures} == {"row"}
    assert world.ask("select min(visit), count(*) from scores.shops") == [(4, ROWS - 4)]


def test_a_clean_file_empties_the_quarantine(champion_world: World) -> None:
    world = champion_world
    rows = draw_rows(NIGHT)
    world.run_night(NIGHT, rows.assign(spent=rows["spent"].mask(rows["visit"] == 0, -1)))
    assert len(read_quarantine(world, NIGHT)) == 1
    world.run_night(NIGHT, rows)
    assert world.ask("select count(*) from ml.ledger where kind = 'quarantine'") == [(0,)]


def test_rows_that_share_a_key_but_differ_are_all_refused_in_any_order(champion_world: World) -> None:
    world = champion_world
    rows = draw_rows(NIGHT)
    twin = rows.iloc[[10]].assign(spent=999.0)
    hashes = []
    for table in (pd.concat([rows, twin]), pd.concat([twin, rows])):
        world.run_night(NIGHT, table)
        hashes.append(world.hash_scores())
        assert list(read_quarantine(world, NIGHT)["visit"]) == ["10", "10"]
    assert hashes[0] == hashes[1]
    assert world.ask("select count(*) from scores.shops where visit = 10") == [(0,)]


def _spoil_many(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(spent=rows["spent"].mask(rows["visit"] < 30, -1))


BAD_FILES = {
    "too large a share": (_spoil_many, "max_quarantined_share"),
    "a column is missing": (lambda rows: rows.drop(columns="spent"), "'spent' is missing"),
    "a column is renamed": (lambda rows: rows.rename(columns={"spent": "Spent"}), "it has 'Spent'"),
    "too few rows": (lambda rows: rows.head(5), "row count"),
    "no row": (lambda rows: rows.head(0), "no rows"),
    "every row is bad": (lambda rows: rows.assign(spent=-1), "none of the"),
}


@pytest.mark.guarantee(10)
@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_batch_stops_and_leaves_everything_else_alone(champion_world: World, name: str) -> None:
    world, (spoil, message) = champion_world, BAD_FILES[name]
    world.run_night(NIGHT)
    before = world.read_state(without=NIGHT)
    world.write(NIGHT, spoil(draw_rows(NIGHT)))
    outcome = world.ingest(NIGHT)
    assert outcome.status == "stopped"
    assert message in outcome.reason
    assert str(NIGHT) in outcome.reason
    assert world.read_state(without=NIGHT) == before
    if name != "no row":
        assert read_verdict(world, NIGHT)[0] is False


def test_a_night_can_be_mended_after_it_was_stopped(champion_world: World) -> None:
    world = champion_world
    world.write(NIGHT, _spoil_many(draw_rows(NIGHT)))
    assert world.ingest(NIGHT).status == "stopped"
    world.run_night(NIGHT)
    assert read_verdict(world, NIGHT)[:3] == (True, ROWS, 0)


def test_a_stopped_night_has_no_features_to_score(champion_world: World) -> None:
    world = champion_world
    world.write(NIGHT, _spoil_many(draw_rows(NIGHT)))
    assert world.ingest(NIGHT).status == "stopped"
    with pytest.raises(NightshiftError, match="no features to score"):
        world.score(NIGHT)


def test_a_missing_file_is_one_clear_message(champion_world: World) -> None:
    world = champion_world
    world.run_night(NIGHT)
    before = world.read_state()
    with pytest.raises(DataUnavailable) as raised:
        world.ingest(NEXT)
    assert f"{NEXT}.csv" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert world.read_state() == before


def test_a_night_before_the_first_is_refused(world: World) -> None:
    with pytest.raises(NightshiftError, match="before the first one"):
        world.ingest(date(2025, 12, 31))


def test_without_a_champion_scoring_is_skipped_and_says_what_to_do(world: World) -> None:
    world.write(NIGHT)
    assert world.ingest(NIGHT).status == "done"
    outcome = world.score(NIGHT)
    assert outcome.status == "skipped"
    assert "run shops train" in outcome.reason


@pytest.mark.parametrize("run", [runs.run_ingest, runs.run_score, partial(runs.run_drift, evaluation="x", now=NOW)])
def test_a_database_that_is_down_is_one_clear_message(champion_world: World, tmp_path: Path, run: object) -> None:
    world = champion_world
    world.run_night(NIGHT)
    before = world.read_state()
    down = open_warehouse(ConnectionSpec(WAREHOUSE, "postgres", host=str(tmp_path / "nobody"), schema="warehouse"))
    resources = Resources(down, world.lake, world.resources.get_connection)
    world.write(NIGHT, count=20)
    with pytest.raises(TemporarilyUnavailable) as raised:
        run(world.config, resources, NIGHT, ignore)  # type: ignore[operator]
    assert "does not answer" in str(raised.value)
    assert WAREHOUSE in str(raised.value)
    assert world.read_state() == before


def test_the_ledgers_history_keeps_what_was_replaced(champion_world: World) -> None:
    world = champion_world
    for count in (ROWS, 50):
        world.run_night(NIGHT, count=count)
    night = {"night": NIGHT}
    assert world.ask("select rows from ml.ledger where kind = 'scores' and partition_date = :night", **night) == [(50,)]
    history = "select rows, object_uri from ml.ledger_history where kind = 'scores' and partition_date = :night"
    kept = world.ask(f"{history} order by id", **night)
    assert [rows for rows, _ in kept] == [ROWS, 50]
    assert all(world.find_file(uri).is_file() for _, uri in kept)


def test_learning_nights_are_all_there(champion_world: World) -> None:
    """The fixture is what the other tests take it for."""
    found = champion_world.ask("select partition_date from ml.ledger where kind = 'features' order by 1")
    assert found == [(night,) for night in LEARNING]
