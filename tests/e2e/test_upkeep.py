"""Maintenance and quarantine through the real scheduler: by hand, as whoever is on duty starts them."""

from datetime import date
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from nightshift.config.loading import load_pipeline
from nightshift.steps import runs
from tests.e2e.kit import House

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(420)]
NIGHT = date(2026, 5, 4)


def list_missing(house: House) -> list[str]:
    """Objects that the ledger points at and that are not there."""
    uris = [uri for (uri,) in house.ask("select object_uri from ml.ledger")]
    return [uri for uri in uris if not Path(unquote(urlsplit(uri).path)).exists()]


@pytest.mark.guarantee(4)
def test_maintenance_looks_first_and_then_removes_only_what_nothing_points_at(house: House) -> None:
    house.learn("asked", [NIGHT])
    house.client.wait_dag("nightshift_maintenance")
    house.client.unpause("nightshift_maintenance")
    dry = house.start("nightshift_maintenance")
    assert house.finish("nightshift_maintenance", dry) == "success"
    assert house.read_states("nightshift_maintenance", dry) == {
        "survey": "success",
        "collect_garbage": "skipped",
        "apply_retention": "skipped",
        "clean_airflow": "success",
    }
    run = house.start("nightshift_maintenance", dry_run=False)
    assert house.finish("nightshift_maintenance", run) == "success"
    assert set(house.read_states("nightshift_maintenance", run).values()) == {"success"}
    assert house.ask("select count(*) > 0 from ml.ledger") == [(True,)]
    assert list_missing(house) == []


def test_a_bad_batch_can_be_looked_at_and_a_replay_names_the_day_that_is_still_bad(house: House) -> None:
    config = load_pipeline(house.root / "include" / "pipelines" / "asked")
    bad = {"scenario": "bad_batch"}
    assert runs.run_ingest(config, house.resources, NIGHT, lambda *_: None, bad).status == "stopped"
    house.client.wait_dag("asked_quarantine")
    looked = house.start("asked_quarantine")
    assert house.finish("asked_quarantine", looked) == "success"
    assert house.read_states("asked_quarantine", looked) == {"look": "success", "replay": "skipped", "check": "skipped"}
    run = house.start("asked_quarantine", action="replay", reason="another look")
    assert house.finish("asked_quarantine", run) == "failed"
    states = {"look": "success", "replay": "success", "check": "failed"}
    assert house.read_states("asked_quarantine", run) == states
    kept = "select reason from ml.quarantine_replays where pipeline = 'asked' and partition_date = :night"
    assert house.ask(kept, night=NIGHT) == [("another look",)]
