"""What the drift run measures: bounded samples, columns, scores, faults and seasons."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nightshift.io.lake import parquet as tables
from nightshift.io.lake.parquet import fetch_table, store_table
from nightshift.io.ledger.entries import Attempt, NewEntry, find_entries, write_entry
from nightshift.io.registry import find_champion
from nightshift.steps.drift import compare_windows
from nightshift.steps.ingest import samples
from nightshift.steps.ingest.samples import SAMPLE, sample_entries
from tests.integration.kit import LEARNING, NIGHTS, ROWS, World, bend, draw_rows, let_be_empty

LATER = NIGHTS[6:10]
SHOPS = {"window_days": 2, "min_rows": 50}


def ingest_all(world: World, nights: Sequence[date], **drawn: Any) -> None:
    for night in nights:
        world.write(night, **drawn)
        assert world.ingest(night).status == "done"


def ingest_rows(world: World, night: date, rows: pd.DataFrame) -> None:
    world.write(night, rows)
    assert world.ingest(night).status == "done"


def compare(world: World, as_of: date = LATER[1], **options: Any) -> dict[str, Any]:
    outcome = compare_windows(world.config, world.resources, as_of, **options)
    assert outcome.status == "done"
    return outcome.figures


def read_columns(world: World) -> dict[str, dict[str, Any]]:
    query = "select to_jsonb(c) from monitoring.drift_columns c"
    return {row["column_name"]: row for (row,) in world.ask(query)}


def read_entries(world: World, nights: Sequence[date]) -> list[Any]:
    with world.warehouse.begin() as connection:
        return find_entries(connection, "shops", "features", nights)


def put_features(world: World, night: date, frame: pd.DataFrame) -> None:
    """Features as an older release, or another one, left them."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    ref = store_table(world.lake, f"features/shops/{night}/by-hand.parquet", table)
    with world.warehouse.begin() as connection:
        write_entry(connection, "shops", night, NewEntry("features", Attempt(f"by-hand-{night}", 0), ref), "c", "d")


def change_features(world: World, night: date, **columns: Any) -> None:
    (entry,) = read_entries(world, [night])
    put_features(world, night, fetch_table(world.lake, entry.ref).to_pandas().assign(**columns))


def test_a_shift_of_what_matters_is_drift_with_figures_for_every_column(champion_world: World) -> None:
    world = champion_world
    ingest_all(world, LATER[:2], shift=60.0)
    found = compare(world)
    assert (found["drifted"], found["broken"], found["reference"]) == (True, [], "training")
    assert found["moved"] == ["spent", "score"]
    assert "spent" in found["reason"]
    assert found["columns"]["spent"] > 0.5
    assert found["prediction_score"] > 0.1
    columns = read_columns(world)
    assert set(columns) == {"spent", "hour", "shop", "score"}
    assert (columns["spent"]["drifted"], columns["hour"]["drifted"]) == (True, False)
    assert (columns["score"]["kind"], columns["score"]["drifted"]) == ("prediction", True)
    assert sum(column["weight"] for column in columns.values()) == pytest.approx(1)
    assert columns["spent"]["weight"] > columns["hour"]["weight"]
    assert found["share"] == pytest.approx(columns["spent"]["weight"])


def test_the_same_world_is_calm_although_few_rows_scatter(champion_world: World) -> None:
    """Two nights of 120 rows against four: some distances are beyond the limit, but none beyond chance."""
    world = champion_world
    ingest_all(world, LATER[:2])
    found = compare(world)
    assert (found["drifted"], found["share"], found["moved"]) == (False, 0.0, [])
    assert max(found["columns"].values()) > 0.05


def test_measuring_again_replaces_what_was_measured_to_the_digit(champion_world: World) -> None:
    world = champion_world
    ingest_all(world, LATER[:2], shift=5.0)
    first, second = compare(world, reports=False), compare(world, reports=False)
    assert first == second
    assert world.ask("select count(*) from monitoring.drift_columns") == [(4,)]
    assert world.ask("select count(*) from monitoring.drift") == [(1,)]


def test_reports_are_written_only_where_they_are_wanted(champion_world: World) -> None:
    world = champion_world
    ingest_all(world, LATER[:2])
    quiet, loud = compare(world, reports=False), compare(world)
    assert (quiet["report_uri"], quiet["report_json_uri"]) == (None, None)
    assert quiet["columns"] == loud["columns"]
    assert "<html" in world.find_file(loud["report_uri"]).read_text()
    told = json.loads(world.find_file(loud["report_json_uri"]).read_text())["metrics"]
    distances = {metric["config"]["column"]: metric["value"] for metric in told}
    assert distances == pytest.approx({**loud["columns"], "score": loud["prediction_score"]})


def test_an_emptied_column_is_broken_and_the_others_keep_their_figures(champion_world: World) -> None:
    world = let_be_empty(champion_world, "spent")
    for night in LATER[:2]:
        ingest_rows(world, night, draw_rows(night).assign(spent=np.nan))
    found = compare(world)
    assert (found["drifted"], found["broken"]) == (None, ["spent"])
    assert "spent is empty in the current window" in found["reason"]
    assert found["columns"]["spent"] is None
    assert found["columns"]["shop"] is not None
    columns = read_columns(world)
    assert (columns["spent"]["drifted"], columns["hour"]["drifted"]) == (None, False)


def test_a_column_lost_in_the_newest_night_alone_is_broken_and_no_drift(champion_world: World) -> None:
    world = let_be_empty(champion_world, "spent")
    ingest_all(world, LATER[:1])
    ingest_rows(world, LATER[1], draw_rows(LATER[1]).assign(spent=np.nan))
    found = compare(world)
    assert (found["drifted"], found["broken"]) == (None, ["spent"])
    assert f"empty on {LATER[1]}" in found["reason"]


@pytest.mark.parametrize(
    ("values", "message"),
    [([str(n) for n in range(ROWS)], "not numeric"), ([np.inf] + [1.0] * (ROWS - 1), "1 infinite values")],
)
def test_a_column_of_another_type_or_without_bounds_is_broken(
    champion_world: World, values: list[Any], message: str
) -> None:
    world = champion_world
    ingest_all(world, LATER[:2])
    change_features(world, LATER[1], spent=values)
    found = compare(world)
    assert (found["drifted"], found["broken"]) == (None, ["spent"])
    assert message in found["reason"]
    assert found["columns"]["hour"] is not None


def test_a_night_of_five_rows_is_unknown_and_says_what_is_usual(champion_world: World) -> None:
    world = champion_world
    ingest_all(world, LATER[:2])
    change_features(world, LATER[1])
    (entry,) = read_entries(world, [LATER[1]])
    put_features(world, LATER[2], fetch_table(world.lake, entry.ref).to_pandas().head(5).assign(spent=900.0))
    found = compare(world, LATER[2])
    assert (found["drifted"], found["broken"]) == (None, [])
    assert f"5 rows on {LATER[2]}, 120 are usual" in found["reason"]
    assert all(column["drifted"] is None for column in read_columns(world).values())


def test_a_window_of_few_rows_reaches_back(champion_world: World) -> None:
    world = bend(champion_world, drift={"window_days": 1, "min_rows": 300})
    ingest_all(world, LATER[:2])
    found = compare(world)
    assert found["current_rows"] == 3 * ROWS
    assert found["window_from"] == str(LEARNING[-1])
    assert found["drifted"] is False


def test_a_version_without_held_out_scores_is_compared_by_columns_alone(champion_world: World) -> None:
    world = champion_world
    with world.warehouse.begin() as connection:
        champion = find_champion(connection, "shops")
    assert champion is not None
    old = fetch_table(world.lake, champion.reference).select(["spent", "hour", "shop"])
    ref = store_table(world.lake, "models/shops/reference/old.parquet", old)
    moved = "update ml.model_versions set reference_uri = :uri, reference_sha256 = :sha"
    world.change_history("ml.model_versions", moved, uri=ref.uri, sha=ref.sha256)
    ingest_all(world, LATER[:2], shift=60.0)
    found = compare(world)
    assert (found["drifted"], found["prediction_score"]) == (True, None)
    assert "no scores of held-out rows" in read_columns(world)["score"]["reason"]


def test_the_reference_has_held_out_rows_with_their_scores(champion_world: World) -> None:
    with champion_world.warehouse.begin() as connection:
        champion = find_champion(connection, "shops")
    assert champion is not None
    rows = fetch_table(champion_world.lake, champion.reference).to_pandas()
    assert champion.metrics["reference_rows"] == 4 * ROWS == (~rows["__held_out"]).sum()
    assert set(rows["__partition"][rows["__held_out"]]) == set(LEARNING[-2:])
    assert rows["__prediction"].between(0, 1).all()


def test_ingest_stores_a_sample_that_the_comparison_reads_alone(champion_world: World) -> None:
    world = bend(champion_world, drift={**SHOPS, "sample_rows": 100})
    ingest_all(world, LATER[:2])
    entries = read_entries(world, LATER[:2])
    assert [entry.params[SAMPLE]["rows"] for entry in entries] == [100, 100]
    for entry in entries:
        world.find_file(entry.ref.uri).unlink()
    assert compare(world)["current_rows"] == 100


def test_few_features_are_their_own_sample(champion_world: World) -> None:
    ingest_all(champion_world, LATER[:1])
    assert read_entries(champion_world, LATER[:1])[0].params == {}


def test_large_features_without_a_sample_are_read_in_part(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sorted by a feature: every part of the file must have its share, and the same seed must give the same rows."""
    monkeypatch.setattr(tables, "ROW_GROUP", 500)
    monkeypatch.setattr(samples, "ROW_GROUP", 500)
    for night, rows in zip(NIGHTS[:2], (20_000, 5_000), strict=True):
        put_features(world, night, pd.DataFrame({"x": np.linspace(0, 1, rows), "y": "a", "unused": 1.0}))
    entries = read_entries(world, NIGHTS[:2])
    read: list[int] = []
    original = pq.ParquetFile.read_row_group
    monkeypatch.setattr(
        pq.ParquetFile, "read_row_group", lambda self, i, **given: read.append(i) or original(self, i, **given)
    )
    first = sample_entries(world.lake, entries, ["x", "y"], 1000, seed=1)
    assert len(read) == 8
    assert list(first.columns) == ["x", "y", "__partition"]
    assert list(first.groupby("__partition").size()) == [800, 200]
    assert first["x"].mean() == pytest.approx(0.5, abs=0.03)
    assert first.equals(sample_entries(world.lake, entries, ["x", "y"], 1000, seed=1))
    assert not first.equals(sample_entries(world.lake, entries, ["x", "y"], 1000, seed=2))


def test_another_season_is_compared_with_itself_where_history_allows(champion_world: World) -> None:
    world = bend(champion_world, drift={**SHOPS, "reference": "season"})
    ingest_all(world, LATER[:2], shift=60.0)
    alone = compare(world)
    assert (alone["drifted"], alone["reference"]) == (True, "training")
    assert "year earlier" in alone["reason"]
    for entry in read_entries(world, LATER[:2]):
        before = entry.partition - timedelta(days=364)
        put_features(world, before, fetch_table(world.lake, entry.ref).to_pandas())
    together = compare(world)
    assert (together["drifted"], together["reference"]) == (False, "season")
    assert together["columns"]["spent"] == pytest.approx(0)
    assert together["prediction_score"] == pytest.approx(0)


def test_weekdays_and_hours_are_matched_where_that_is_asked_for(champion_world: World) -> None:
    """Saturdays and evenings differ; a Saturday evening is no drift, and what the reference lacks is left out."""
    world = bend(champion_world, drift={**SHOPS, "window_days": 1, "reference": "weekday"})
    ingest_all(world, LEARNING)
    assert world.train(LEARNING[-1], "hours").status == "done"
    with world.warehouse.begin() as connection:
        (candidate,) = world.ask("select max(version) from ml.model_versions")[0]
        assert candidate == 2
        champion = find_champion(connection, "shops")
    assert champion is not None
    (uri, sha) = world.ask("select reference_uri, reference_sha256 from ml.model_versions where version = 2")[0]
    hours = fetch_table(world.lake, replace(champion.reference, uri=uri, sha256=sha)).to_pandas()
    assert (hours["__hour"] == hours["hour"]).all()
    adopt = "update ml.model_versions set reference_uri = :uri, reference_sha256 = :sha"
    world.change_history("ml.model_versions", adopt, uri=uri, sha=sha)
    night = LEARNING[1] + timedelta(days=7)
    rows = draw_rows(night, count=600)
    evening = rows[rows["seen_at"].str[11:13].astype(int) >= 16]
    ingest_rows(world, night, evening)
    found = compare(world, night)
    assert found["reference"] == "weekday"
    assert found["columns"]["hour"] < 0.1
    strange = evening.assign(seen_at=evening["seen_at"].mask(evening.index % 2 == 0, f"{night} 03:00:00"))
    ingest_rows(world, night, strange)
    assert "that the reference does not have are left out" in compare(world, night)["reason"]
