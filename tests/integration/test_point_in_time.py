"""Features of a day are the same live, in a backfill and made again: they see the outcomes that had matured by then."""

from datetime import date
from pathlib import Path

import pandas as pd
import pytest
import yaml

from nightshift.config.loading import load_pipeline
from nightshift.io.lake.parquet import fetch_table
from nightshift.io.ledger.entries import find_entry
from tests.integration.kit import NIGHTS, World, bend, draw_rows

MATURITY = 2
FEATURES = '''
"""What earlier days say."""


def build_features(rows, history):
    """Two figures of the history, the same in all rows."""
    if history.empty:
        return rows.assign(past=float("nan"), waited=float("nan"))
    return rows.assign(past=history["returned"].sum(min_count=1), waited=history["late"].sum(min_count=1))
'''
CHANGES = {
    "label.available_after_days": MATURITY,
    "known_afterwards": ["late"],
    "features": {
        "derived": [{"kind": "rolling", "name": "recent", "column": "returned", "by": ["shop"], "days": 3}],
        "numeric": ["spent", "recent"],
        "categorical": ["shop"],
        "lookback_days": 4,
    },
}


@pytest.fixture
def looking_back(world: World) -> World:
    """A pipeline that rolls over its outcome, and looks at it in features.py."""
    bent = bend(world, **CHANGES)
    folder = bent.config.folder
    (folder / "features.py").write_text(FEATURES)
    spec = yaml.safe_load((folder / "pipeline.yaml").read_text())
    spec["features"]["numeric"] += ["past", "waited"]
    (folder / "pipeline.yaml").write_text(yaml.safe_dump(spec, sort_keys=False))
    return World(load_pipeline(folder), bent.resources, bent.folder)


def write_before_outcomes(world: World, night: date) -> None:
    """The night's file as it comes: nothing in it that is known afterwards."""
    world.write(night, draw_rows(night).assign(returned=None, late=None))


def read_features(world: World, night: date) -> pd.DataFrame:
    with world.warehouse.begin() as connection:
        entry = find_entry(connection, world.config.name, night, "features")
    assert entry is not None
    frame: pd.DataFrame = fetch_table(world.resources.lake, entry.ref).to_pandas()
    return frame


def run_live(world: World, nights: tuple[date, ...]) -> dict[date, pd.DataFrame]:
    """Each night when its time has come: a file gets its outcomes as many days later as they take."""
    found = {}
    for number, night in enumerate(nights):
        write_before_outcomes(world, night)
        if number >= MATURITY:
            world.write(nights[number - MATURITY])
        assert world.ingest(night).status == "done"
        found[night] = read_features(world, night)
    return found


def run_again(world: World, nights: tuple[date, ...]) -> dict[date, pd.DataFrame]:
    """All nights at once, when every outcome has been there for long."""
    for night in nights:
        world.write(night)
    for night in nights:
        assert world.ingest(night).status == "done"
    return {night: read_features(world, night) for night in nights}


def test_features_are_the_same_live_and_made_again_value_by_value(looking_back: World) -> None:
    nights = NIGHTS[:7]
    live = run_live(looking_back, nights)
    again = run_again(looking_back, nights)
    for night in nights:
        pd.testing.assert_frame_equal(live[night], again[night])
    last = live[nights[-1]]
    seen = pd.concat([draw_rows(night) for night in nights[2:5]])
    assert last["past"].iloc[0] == seen["returned"].sum()
    assert last["waited"].iloc[0] == pytest.approx(seen["late"].sum())
    by_shop = seen.groupby("shop")["returned"].mean()
    assert last["recent"].to_numpy() == pytest.approx(last["shop"].map(by_shop).to_numpy())


def test_a_day_that_has_not_matured_shows_no_outcome_although_its_file_has_it(looking_back: World) -> None:
    first, second = NIGHTS[:2]
    for night in (first, second):
        looking_back.write(night)
        assert looking_back.ingest(night).status == "done"
    assert read_features(looking_back, second)[["recent", "past", "waited"]].isna().all(axis=None)


def test_outcomes_that_can_not_be_read_again_stay_as_they_were_stored(looking_back: World) -> None:
    nights = NIGHTS[:4]
    for night in nights[:3]:
        looking_back.write(night)
        assert looking_back.ingest(night).status == "done"
    Path(looking_back.folder / f"{nights[0]}.csv").unlink()
    looking_back.write(nights[3])
    assert looking_back.ingest(nights[3]).status == "done"
    seen = pd.concat([draw_rows(night) for night in nights[:2]])
    assert read_features(looking_back, nights[3])["past"].iloc[0] == seen["returned"].sum()
