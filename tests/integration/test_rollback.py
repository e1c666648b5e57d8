"""Back to an earlier champion: who, why, and every row of the days that are scored again."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from nightshift.errors import NightshiftError, TemporarilyUnavailable
from nightshift.steps.registry import promotions, rollback
from nightshift.steps.registry.promotions import promote_by_hand
from nightshift.steps.registry.rollback import rescore_partitions, roll_back
from nightshift.steps.score import plan as scoring_plan
from nightshift.steps.score.score import parse_as_of, score_partition
from tests.integration.kit import NIGHTS, PIPELINE, ROWS, World, bend, flip_byte, ignore
from tests.integration.registry_kit import copy_version, do_at_once, promote_to

SCORED = NIGHTS[6:9]
CHAMPION = "select version, kind, promoted_by, reason, previous_version from ml.promotions order by id desc limit 1"


@pytest.fixture
def tried(champion_world: World) -> World:
    """Version 2 took over from version 1, which decides otherwise, and has scored three nights."""
    world = champion_world
    assert copy_version(world, "second", threshold=0.99) == 2
    assert promote_to(world, 2, 1)
    for night in SCORED:
        world.run_night(night)
    return world


@pytest.fixture
def later(tried: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The same, and nothing is tried in a fresh process, which takes seconds."""
    for module in (promotions, scoring_plan):
        monkeypatch.setattr(module, "require_servable", lambda *_: None)
    return tried


def go_back(world: World, to: int | None = None, **more: Any) -> Any:
    return roll_back(world.config, world.resources, to, "ada", "late shares look wrong", **more)


def rescore(world: World, version: int, first: date, last: date) -> Any:
    return rescore_partitions(world.config, world.resources, version, first, last, "late shares look wrong", ignore)


def read_versions(world: World) -> dict[date, set[int]]:
    found: dict[date, set[int]] = {}
    for night, version in world.ask("select partition_date, model_version from scores.shops"):
        found.setdefault(night, set()).add(version)
    return found


def test_back_to_the_one_before_and_every_row_of_the_days_bears_its_number(tried: World) -> None:
    outcome = go_back(tried)
    assert (outcome.status, outcome.figures) == ("done", {"version": 1, "previous_version": 2, "changed": True})
    assert tried.ask(CHAMPION) == [(1, "rollback", "ada", "late shares look wrong", 2)]
    assert tried.ask("select version from ml.champions") == [(1,)]
    decided = tried.ask("select count(*) from scores.shops where decision")
    done = rescore(tried, 1, SCORED[0], SCORED[1])
    assert (done.status, done.figures["rows"]) == ("done", 2 * ROWS)
    assert done.figures["partitions"] == [str(night) for night in SCORED[:2]]
    assert read_versions(tried) == {SCORED[0]: {1}, SCORED[1]: {1}, SCORED[2]: {2}}
    assert tried.ask("select count(*) from scores.shops where decision") != decided


def test_the_ledger_says_that_it_was_a_rollback_and_why(later: World) -> None:
    go_back(later)
    rescore(later, 1, SCORED[0], SCORED[0])
    kept = "select partition_date, model_version, params ->> 'reason' from ml.ledger where kind = 'scores' order by 1"
    assert later.ask(kept) == [
        (SCORED[0], 1, "rollback to version 1: late shares look wrong"),
        (SCORED[1], 2, None),
        (SCORED[2], 2, None),
    ]


def test_each_rollback_in_a_row_goes_one_further_back_until_there_is_none(later: World) -> None:
    copy_version(later, "third")
    assert promote_to(later, 3, 2)
    assert [go_back(later).figures["version"] for _ in range(2)] == [2, 1]
    before = later.read_state()
    with pytest.raises(NightshiftError, match="no champion before version 1"):
        go_back(later)
    assert later.read_state() == before


def test_the_same_run_again_goes_back_only_once(later: World) -> None:
    """Airflow retries a task whose answer was lost, and people clear runs."""
    copy_version(later, "third")
    assert promote_to(later, 3, 2)
    assert go_back(later, run_id="manual__1").figures == {"version": 2, "previous_version": 3, "changed": True}
    before = later.read_state()
    again = go_back(later, run_id="manual__1")
    assert (again.status, again.figures) == ("done", {"version": 2, "previous_version": 3, "changed": False})
    assert later.read_state() == before
    go_back(later, run_id="manual__2")
    stale = go_back(later, run_id="manual__1")
    assert (stale.status, "version 1 took over since" in stale.reason) == ("stopped", True)
    assert later.ask("select version from ml.champions") == [(1,)]


def test_back_to_the_champion_itself_changes_nothing_and_is_no_failure(later: World) -> None:
    before = later.read_state()
    outcome = go_back(later, to=2)
    assert (outcome.status, outcome.figures["changed"]) == ("done", False)
    assert "version 2 already is the champion" in outcome.reason
    assert later.read_state() == before


@pytest.mark.parametrize(
    ("to", "message"), [(9, "no model version 9; there is 1 to 3"), (3, "version 3 never was champion.*promote")]
)
def test_only_what_was_in_charge_can_be_gone_back_to(later: World, to: int, message: str) -> None:
    copy_version(later, "third")
    before = later.read_state()
    with pytest.raises(NightshiftError, match=message):
        go_back(later, to=to)
    assert later.read_state() == before


def test_without_a_champion_there_is_nothing_to_roll_back(world: World) -> None:
    with pytest.raises(NightshiftError, match="has no champion, so there is nothing to roll back"):
        go_back(world)


@pytest.mark.parametrize("reason", ["", "  ", "x" * 1001])
def test_a_rollback_needs_a_reason(later: World, reason: str) -> None:
    before = later.read_state()
    with pytest.raises(NightshiftError, match="reason"):
        roll_back(later.config, later.resources, None, "ada", reason)
    assert later.read_state() == before


@pytest.mark.guarantee(8, 9)
def test_a_version_whose_artifact_is_damaged_is_not_gone_back_to(tried: World) -> None:
    copy_version(tried, "third")
    assert promote_to(tried, 3, 2)
    ((uri,),) = tried.ask("select artifact_uri from ml.model_versions where version = 2")
    before = tried.read_state()
    flip_byte(tried.find_file(uri))
    with pytest.raises(NightshiftError, match=r"version 2 can't be promoted.*sha256"):
        go_back(tried)
    assert tried.read_state() == before


def test_a_version_that_needs_a_feature_that_is_gone_is_not_gone_back_to(later: World) -> None:
    before = later.read_state()
    with pytest.raises(NightshiftError, match=r"version 1 needs hour, which pipeline.yaml does not name"):
        go_back(bend(later, **{"features.numeric": ["spent"]}))
    assert later.read_state() == before


@pytest.mark.guarantee(6)
def test_rollbacks_at_once_make_a_chain(later: World) -> None:
    copy_version(later, "third")
    assert promote_to(later, 3, 2)
    outcomes = do_at_once([lambda v=version: go_back(later, to=v) for version in (1, 2)])
    history = later.ask("select version, previous_version from ml.promotions order by id")[3:]
    assert [previous for _, previous in history] == [3, *(version for version, _ in history[:-1])]
    assert [outcome.status for outcome in outcomes].count("done") == len(history) >= 1


def test_a_promotion_in_between_is_not_undone(later: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asked for the rollback had not seen the version that took over since."""
    copy_version(later, "third")
    monkeypatch.setattr(promotions, "require_servable", lambda *_: promote_to(later, 3, 2))
    outcome = go_back(later)
    assert outcome.status == "stopped"
    assert "the champion is version 3 now" in outcome.reason
    assert later.ask("select version from ml.champions") == [(3,)]


def test_days_without_features_are_named_and_the_others_scored(later: World) -> None:
    go_back(later)
    done = rescore(later, 1, SCORED[0], SCORED[-1] + timedelta(days=2))
    assert done.status == "done"
    assert done.figures["without_features"] == [str(SCORED[-1] + timedelta(days=day)) for day in (1, 2)]
    assert read_versions(later) == {night: {1} for night in SCORED}


def test_days_of_which_none_has_features_are_refused(later: World) -> None:
    with pytest.raises(NightshiftError, match="no partition from 2027-01-01 to 2027-01-02 has features"):
        rescore(later, 1, date(2027, 1, 1), date(2027, 1, 2))


@pytest.mark.parametrize("first", [SCORED[1], date(1, 1, 1)])
def test_a_window_that_makes_no_sense_is_refused(later: World, first: date) -> None:
    with pytest.raises(NightshiftError, match="can't score again from"):
        rescore(later, 1, first, SCORED[0])


def test_one_day_that_fails_leaves_the_others_done_and_says_how_to_repeat(later: World) -> None:
    go_back(later)
    query = "select object_uri from ml.ledger where kind = 'features' and partition_date = :night"
    ((uri,),) = later.ask(query, night=SCORED[1])
    flip_byte(later.find_file(uri))
    outcome = rescore(later, 1, SCORED[0], SCORED[2])
    assert outcome.status == "stopped"
    assert outcome.figures["failed"] == [str(SCORED[1])]
    assert f"run shops score --from {SCORED[1]} --to {SCORED[1]} --set version=1" in outcome.reason
    assert read_versions(later) == {SCORED[0]: {1}, SCORED[1]: {2}, SCORED[2]: {1}}


def test_a_warehouse_that_went_away_is_left_to_a_retry(later: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise TemporarilyUnavailable("the warehouse does not answer")

    monkeypatch.setattr(rollback, "publish_scores", fail)
    with pytest.raises(TemporarilyUnavailable):
        rescore(later, 1, SCORED[0], SCORED[2])


def test_scoring_again_twice_gives_the_same_rows(later: World) -> None:
    go_back(later)
    rescore(later, 1, SCORED[0], SCORED[2])
    scores = later.hash_scores()
    rescore(later, 1, SCORED[0], SCORED[2])
    assert later.hash_scores() == scores


def test_a_past_night_is_scored_by_the_champion_of_that_time(later: World) -> None:
    ((first,), (second,)) = later.ask("select promoted_at from ml.promotions order by id")
    for at, version in ((first, 1), (second, 2), (second - timedelta(microseconds=1), 1)):
        scored = score_partition(later.config, later.resources, SCORED[0], at=at)
        assert scored.figures["model_version"] == version
    nobody = score_partition(later.config, later.resources, SCORED[0], at=first - timedelta(microseconds=1))
    assert (nobody.status, "had no champion on" in nobody.reason) == ("skipped", True)
    with pytest.raises(NightshiftError, match="not both"):
        score_partition(later.config, later.resources, SCORED[0], version=1, at=second)


def test_a_version_that_is_not_in_charge_is_tried_in_a_fresh_process_first(tried: World) -> None:
    tried.change_history("ml.model_versions", "update ml.model_versions set golden_sha256 = 'x' where version = 1")
    assert score_partition(tried.config, tried.resources, SCORED[0]).status == "done"
    with pytest.raises(NightshiftError, match="sha256"):
        score_partition(tried.config, tried.resources, SCORED[0], version=1)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-01", "2026-03-02T04:59:59.999999+00:00"),
        ("2026-03-01T08:30", "2026-03-01T13:30:00+00:00"),
        ("2026-03-01 08:30:15+01:00", "2026-03-01T07:30:15+00:00"),
        ("2026-03-01T08:30:00Z", "2026-03-01T08:30:00+00:00"),
    ],
)
def test_a_day_means_its_end_where_the_pipeline_lives(world: World, text: str, moment: str) -> None:
    config = bend(world, schedules={"timezone": "America/New_York"}).config
    found = parse_as_of(config, text)
    assert found and found.astimezone(UTC) == datetime.fromisoformat(moment)


@pytest.mark.parametrize("text", ["yesterday", "20260301", "2026-02-30", "2026-W10-1"])
def test_anything_else_is_no_time(world: World, text: str) -> None:
    with pytest.raises(NightshiftError, match=f"as_of={text}: is neither a date"):
        parse_as_of(world.config, text)


def test_the_threshold_of_the_version_decides(later: World) -> None:
    """Version 1 has one from its training, version 2 the one that it was given."""
    both = (
        "select count(*) filter (where decision <> (score >= :limit)) from scores.shops where model_version = :version"
    )
    assert later.ask(both, limit=0.99, version=2) == [(0,)]
    ((limit,),) = later.ask("select coalesce(threshold, 0.5) from ml.model_versions where version = 1")
    go_back(later)
    rescore(later, 1, SCORED[0], SCORED[2])
    assert later.ask(both, limit=limit, version=1) == [(0,)]
    assert later.ask("select count(distinct decision) from scores.shops") == [(2,)]


def test_a_version_without_a_threshold_takes_that_of_the_pipeline_file(later: World) -> None:
    copy_version(later, "third", threshold=None)
    assert promote_to(later, 3, 2)
    bent = bend(later, scoring={"threshold": 0.2})
    assert bent.score(SCORED[0]).status == "done"
    wrong = "select count(*) from scores.shops where model_version = 3 and decision <> (score >= 0.2)"
    assert later.ask(wrong) == [(0,)]


def test_promoting_by_hand_after_a_rollback_counts_as_new(later: World) -> None:
    go_back(later)
    outcome = promote_by_hand(later.config, later.resources, 2, "ada", "it was the data")
    assert outcome.figures == {"version": 2, "previous_version": 1, "changed": True}
    assert later.ask(f"select version from ml.champions where pipeline = '{PIPELINE}'") == [(2,)]
    assert go_back(later).figures["version"] == 1
