"""Outcomes that come late, twice, corrected, out of order and from elsewhere, measured on what was scored."""

import itertools
import random
import sqlite3
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import nightshift.steps.drift.scored
from nightshift.core.evaluation.metrics import measure_all
from nightshift.extension.metrics import list_metrics
from nightshift.steps import runs
from nightshift.steps.drift.measure import measure_performance
from nightshift.steps.labels import TARGET, Outcomes
from nightshift.steps.outcome import Outcome
from tests.integration.kit import LEARNING, NIGHTS, PIPELINE, World, bend, draw_rows, ignore

NIGHT, NEXT = NIGHTS[6], NIGHTS[7]
KEYS = ["shop", "visit"]
EVERYTHING = (
    "select partition_date, model_version, metric, kind, value, rows from monitoring.performance order by 1,2,3,4"
)


def measure(world: World, as_of: date = NIGHT) -> Outcome:
    outcome = measure_performance(world.config, world.resources, as_of)
    assert outcome.status == "done"
    return outcome


def read_realised(world: World, night: date = NIGHT) -> dict[str, tuple[float, int]]:
    query = "select metric, value, rows from monitoring.performance where kind = 'realised' and partition_date = :night"
    return {metric: (value, rows) for metric, value, rows in world.ask(query, night=night)}


def expect(world: World, truth: pd.DataFrame, night: date = NIGHT) -> dict[str, tuple[Any, int]]:
    """What the metrics must be, from the scores that analysts see and these outcomes (keys, `returned`)."""
    scores = pd.DataFrame(
        world.ask("select shop, visit, score from scores.shops where partition_date = :night", night=night),
        columns=[*KEYS, "score"],
    )
    joined = scores.merge(truth.dropna(subset=["returned"]), on=KEYS)
    values = measure_all(
        list_metrics("classification"), joined["returned"].to_numpy(float), joined["score"].to_numpy(float)
    )
    return {metric: (pytest.approx(value), len(joined)) for metric, value in values.items()}


def write_outcomes(world: World, rows: pd.DataFrame, name: str = f"{NIGHT}.csv") -> None:
    folder = world.folder.parent / "outcomes"
    folder.mkdir(exist_ok=True)
    rows.to_csv(folder / name, index=False)


@pytest.fixture
def apart(champion_world: World) -> World:
    """The champion's nights go on with rows that have no outcome; a file of its own will bring each night's."""
    folder = champion_world.folder.parent
    return bend(champion_world, **{"label.source": {"kind": "files", "path": f"{folder}/outcomes/{{partition}}.csv"}})


def run_night(world: World, night: date) -> pd.DataFrame:
    """Rows without the label's column or those known afterwards; returns keys and outcomes."""
    rows = draw_rows(night)
    world.run_night(night, rows.drop(columns=["returned", "late"]))
    return rows[[*KEYS, "returned"]]


def test_outcomes_from_their_own_file_are_joined_when_they_arrive(apart: World) -> None:
    truth = run_night(apart, NIGHT)
    early = measure(apart)
    assert early.figures["partitions"] == {}
    assert early.figures["without_outcomes"] == [str(NIGHT)]
    assert f"{NIGHT}.csv does not exist" in early.reason
    assert read_realised(apart) == {}
    write_outcomes(apart, truth)
    late = measure(apart, NIGHTS[9])
    assert read_realised(apart) == expect(apart, truth)
    assert late.figures["partitions"][str(NIGHT)]["rows"] == len(truth)
    assert late.reason == ""


def test_a_night_waits_for_its_first_outcome_longer_than_for_corrections(apart: World) -> None:
    truth = run_night(apart, NIGHT)
    late = NIGHT + timedelta(days=25)
    assert str(NIGHT) in measure(apart, late).reason
    write_outcomes(apart, truth)
    measure(apart, late)
    assert read_realised(apart) == expect(apart, truth)


def test_the_same_outcomes_again_change_nothing_not_even_the_time(apart: World) -> None:
    truth = run_night(apart, NIGHT)
    write_outcomes(apart, truth)
    measure(apart)
    before = apart.ask("select * from monitoring.performance order by 1, 2, 3, 4, 5, 6, 7")
    write_outcomes(apart, pd.concat([truth, truth]).sample(frac=1, random_state=1))
    measure(apart)
    measure(apart, NEXT)
    assert apart.ask("select * from monitoring.performance order by 1, 2, 3, 4, 5, 6, 7") == before


def test_corrected_and_withdrawn_outcomes_replace_what_they_said_before(apart: World) -> None:
    truth = run_night(apart, NIGHT)
    write_outcomes(apart, truth)
    measure(apart)
    corrected = truth.assign(returned=np.where(truth["visit"] < 40, 1 - truth["returned"], truth["returned"]))
    write_outcomes(apart, corrected)
    measure(apart)
    assert read_realised(apart) == expect(apart, corrected)
    part = corrected.assign(returned=corrected["returned"].where(corrected["visit"] % 2 == 0))
    write_outcomes(apart, part)
    found = measure(apart).figures["partitions"][str(NIGHT)]
    assert read_realised(apart) == expect(apart, part)
    assert (found["rows"], found["without_outcome"]) == (60, 60)
    write_outcomes(apart, truth[:0])
    measure(apart)
    assert read_realised(apart) == {}


def test_outcomes_of_unknown_rows_are_left_out(apart: World) -> None:
    truth = run_night(apart, NIGHT)
    strangers = truth.assign(visit=truth["visit"] + 1000, returned=1)
    write_outcomes(apart, pd.concat([truth, strangers]))
    measure(apart)
    assert read_realised(apart) == expect(apart, truth)


def test_an_outcome_without_a_key_makes_no_others_alike(apart: World) -> None:
    """Beside a missing one, pandas would make floats of whole numbers: these two then are the same."""
    numbers = [2**53, 2**53 + 1]
    table = pa.table({"shop": ["a"] * 3, "visit": [*map(str, numbers), None], "returned": ["0", "1", "1"]})
    targets = Outcomes(apart.config, NIGHT, table).targets
    assert targets["visit"].tolist() == numbers
    assert targets[TARGET].tolist() == [0.0, 1.0]


def test_a_file_that_vanished_leaves_what_was_measured(apart: World) -> None:
    truth = run_night(apart, NIGHT)
    write_outcomes(apart, truth)
    measure(apart)
    before = apart.ask(EVERYTHING)
    (apart.folder.parent / "outcomes" / f"{NIGHT}.csv").unlink()
    assert "does not exist" in measure(apart).reason
    assert apart.ask(EVERYTHING) == before


def make_deliveries(truth: pd.DataFrame) -> list[pd.DataFrame]:
    """First word, a repetition, a correction, an older word that comes late, and rows that were missing."""
    first, rest = truth[truth["visit"] < 80], truth[truth["visit"] >= 80]
    wrong = first.assign(returned=1 - first["returned"])
    return [
        wrong.assign(told="2026-01-08 10:00"),
        wrong.assign(told="2026-01-08 10:00"),
        first.assign(told="2026-01-09 10:00"),
        wrong.assign(told="2026-01-08 12:00"),
        rest.assign(told="2026-01-10 10:00"),
    ]


def test_in_every_order_the_outcome_that_was_recorded_last_counts(apart: World) -> None:
    folder = apart.folder.parent
    by_day = {"kind": "files", "path": f"{folder}/outcomes/*.csv", "partition_by": {"column": "of"}}
    columns = {**apart.config.spec.columns, "told": "timestamp"}
    world = bend(apart, columns=columns, **{"label.source": by_day, "label.recorded_at": "told"})
    truth = run_night(world, NIGHT)
    expected, ends = expect(world, truth), []
    orders = list(itertools.permutations(make_deliveries(truth)))
    for order in random.Random(3).sample(orders, 7):
        world.change("delete from monitoring.performance")
        for path in (folder / "outcomes").glob("*"):
            path.unlink()
        for number, rows in enumerate(order):
            write_outcomes(world, rows.assign(of=str(NIGHT)), f"delivery_{number}.csv")
            measure(world)
        assert read_realised(world) == expected
        ends.append(world.ask(EVERYTHING))
    assert all(end == ends[0] for end in ends)


def test_files_of_several_days_bring_each_day_its_own(apart: World) -> None:
    """Visits are numbered anew every night, so the day decides which one is meant."""
    folder = apart.folder.parent
    by_day = {"kind": "files", "path": f"{folder}/outcomes/*.csv", "partition_by": {"column": "of"}}
    world = bend(apart, **{"label.source": by_day})
    truths = {night: run_night(world, night) for night in (NIGHT, NEXT)}
    mixed = pd.concat([rows.assign(of=str(night)) for night, rows in truths.items()]).sample(frac=1, random_state=2)
    write_outcomes(world, mixed[:150], "monday.csv")
    write_outcomes(world, mixed[150:], "tuesday.csv")
    measure(world, NEXT)
    for night, truth in truths.items():
        assert read_realised(world, night) == expect(world, truth, night)


@pytest.fixture
def in_database(apart: World, tmp_path: Path) -> Iterator[tuple[World, Callable[[pd.DataFrame], None]]]:
    """The outcomes are in a SQL table of another system; returns how rows come into it."""
    file = tmp_path / "crm.db"
    with sqlite3.connect(file) as database:
        database.execute("create table returns (day text, store text, number integer, came_back integer)")

    def deliver(rows: pd.DataFrame) -> None:
        values = rows.assign(day=str(NIGHT))[["day", *KEYS, "returned"]].astype(object).values.tolist()
        with sqlite3.connect(file) as database:
            database.executemany("insert into returns values (?, ?, ?, ?)", values)

    query = (
        "select store as shop, number as visit, came_back as returned from returns"
        " where day >= :partition_start and day < :partition_end order by rowid"
    )
    yield bend(apart, **{"label.source": {"kind": "sql", "url": f"sqlite:///{file}", "query": query}}), deliver


def test_outcomes_from_a_database(in_database: tuple[World, Callable[[pd.DataFrame], None]]) -> None:
    world, deliver = in_database
    truth = run_night(world, NIGHT)
    measure(world)
    assert read_realised(world) == {}
    deliver(truth.assign(returned=1 - truth["returned"]))
    deliver(truth)
    measure(world)
    assert read_realised(world) == expect(world, truth)


def test_without_a_source_of_their_own_outcomes_are_read_from_the_rows_again(champion_world: World) -> None:
    """The same file comes again: first without outcomes, then with some, then corrected, then twice the same."""
    world, rows = champion_world, draw_rows(NIGHT)
    world.run_night(NIGHT, rows.assign(returned=None))
    measure(world)
    assert read_realised(world) == {}
    versions = [
        rows.assign(returned=rows["returned"].where(rows["visit"] < 70)),
        rows.assign(returned=1 - rows["returned"]),
        pd.concat([rows, rows]),
    ]
    for version in versions:
        world.write(NIGHT, version)
        measure(world)
        assert read_realised(world) == expect(world, version[[*KEYS, "returned"]].drop_duplicates(KEYS, keep="last"))


def test_a_night_scored_again_keeps_the_figures_of_both_versions(apart: World) -> None:
    truth = run_night(apart, NIGHT)
    write_outcomes(apart, truth)
    measure(apart)
    first = expect(apart, truth)
    for night in LEARNING:
        write_outcomes(apart, draw_rows(night)[[*KEYS, "returned"]], f"{night}.csv")
    second = apart.train(LEARNING[-1], "second", train_from=LEARNING[0], train_to=LEARNING[3]).figures["version"]
    assert runs.run_score(apart.config, apart.resources, NIGHT, ignore, version=second).status == "done"
    corrected = truth.assign(returned=np.where(truth["visit"] < 30, 1 - truth["returned"], truth["returned"]))
    write_outcomes(apart, corrected)
    found = measure(apart).figures["partitions"][str(NIGHT)]
    assert found["model_version"] == second
    rows = apart.ask(
        "select model_version, value from monitoring.performance where kind = 'realised' and metric = 'brier'"
    )
    values = dict(rows)
    assert set(values) == {1, second}
    assert values[second] == expect(apart, corrected)["brier"][0]
    assert values[1] != first["brier"][0], "the first version's night takes the correction too"


def test_nights_are_estimated_at_once_and_checked_when_outcomes_come(champion_world: World) -> None:
    world = bend(champion_world, **{"label.available_after_days": 3})
    for night in NIGHTS[6:9]:
        world.run_night(night)
    figures = measure(world, NIGHTS[8]).figures
    nights = "select distinct partition_date from monitoring.performance where kind = :kind order by 1"
    assert [night for (night,) in world.ask(nights, kind="estimated")] == list(NIGHTS[6:9])
    assert [night for (night,) in world.ask(nights, kind="realised")] == [NIGHTS[6]]
    assert figures["estimated"]["rows"] == 240
    assert (figures["estimated"]["below"], figures["estimated"]["first"]) == (None, str(NIGHTS[7]))
    assert "not trusted: 1 days" in figures["estimated"]["reason"]
    world.run_night(NIGHTS[9])
    world.run_night(NIGHTS[10])
    measure(world, NIGHTS[10])
    checked = world.ask(
        "select partition_date, abs(error) from monitoring.estimate_check where metric = 'brier' order by 1"
    )
    assert [night for night, _ in checked] == list(NIGHTS[6:9])
    assert all(error < 0.05 for _, error in checked)


def test_the_champions_nights_are_judged_against_its_promise(champion_world: World) -> None:
    world = champion_world
    for night in NIGHTS[6:9]:
        world.run_night(night)
    usual = measure(world, NIGHTS[8]).figures["realised"]
    assert usual["rows"] == 360
    assert (usual["first"], usual["last"], usual["below"]) == (str(NIGHTS[6]), str(NIGHTS[8]), False)
    for night in NIGHTS[6:9]:
        rows = draw_rows(night)
        world.write(night, rows.assign(returned=1 - rows["returned"]))
    turned = measure(world, NIGHTS[8]).figures["realised"]
    assert turned["below"] is True
    assert turned["value"] == pytest.approx(1 - usual["value"])


@pytest.mark.parametrize(("least", "kept"), [(30, 40), (70, 60), (1000, 120)])
def test_of_a_large_night_the_band_sees_some_rows_and_its_own_metrics_all(
    champion_world: World, monkeypatch: pytest.MonkeyPatch, least: int, kept: int
) -> None:
    monkeypatch.setattr(nightshift.steps.drift.scored, "BAND_ROWS", 50)
    world = bend(champion_world, **{"retrain.performance": {"min_rows": least}})
    truth = {night: draw_rows(night) for night in NIGHTS[6:9]}
    for night in truth:
        world.run_night(night)
    figures = measure(world, NIGHTS[8]).figures
    assert {day: (shown["rows"], shown["without_outcome"]) for day, shown in figures["partitions"].items()} == {
        str(night): (120, 0) for night in truth
    }
    assert all(read_realised(world, night) == expect(world, rows, night) for night, rows in truth.items())
    assert figures["realised"]["rows"] == 3 * kept


def test_the_band_sees_some_of_the_scores_of_a_large_night_without_outcomes(
    champion_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nightshift.steps.drift.scored, "BAND_ROWS", 50)
    world = bend(champion_world, **{"label.available_after_days": 3, "retrain.performance": {"min_rows": 30}})
    for night in NIGHTS[6:9]:
        world.run_night(night)
    assert measure(world, NIGHTS[8]).figures["estimated"]["rows"] == 80
    assert world.ask("select distinct rows from monitoring.performance where kind = 'estimated'") == [(120,)]


def test_nights_that_the_champion_learnt_from_do_not_flatter_it(champion_world: World) -> None:
    world = champion_world
    for night in LEARNING:
        assert world.score(night).status == "done"
    figures = measure(world, LEARNING[-1]).figures
    assert len(figures["partitions"]) == len(LEARNING)
    assert figures["realised"] is None


def test_without_champion_and_scores_there_is_nothing_to_measure(world: World) -> None:
    assert measure(world).figures == {"partitions": {}, "without_outcomes": [], "realised": None, "estimated": None}


def test_one_missing_outcome_file_does_not_stop_a_training(apart: World) -> None:
    for night in LEARNING[1:]:
        write_outcomes(apart, draw_rows(night)[[*KEYS, "returned"]], f"{night}.csv")
    trained = apart.train(LEARNING[-1], "again")
    assert trained.status == "done"
    assert trained.figures["train_from"] == str(LEARNING[1])


def test_a_training_without_any_outcome_file_stops_and_says_which_is_missing(apart: World) -> None:
    trained = apart.train(LEARNING[-1], "none")
    assert trained.status == "stopped"
    assert f"{LEARNING[0]}.csv does not exist" in trained.reason


def test_a_night_needs_neither_label_nor_what_is_known_afterwards(apart: World) -> None:
    run_night(apart, NIGHT)
    query = "select success from monitoring.validation where pipeline = :name and partition_date = :night"
    assert apart.ask(query, name=PIPELINE, night=NIGHT) == [(True,)]
