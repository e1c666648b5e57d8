"""`models`, `promote`, `rollback` and `explain`, as people and scripts use them."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, NamedTuple

import pytest

from nightshift import cli
from nightshift.commands import explain as explain_command
from nightshift.commands import models as models_command
from nightshift.commands import run as run_command
from nightshift.errors import NightshiftError
from nightshift.local import resources as house
from nightshift.steps import runs
from nightshift.steps.registry import promotions
from nightshift.steps.registry.explain import explain_row, parse_key
from nightshift.steps.score import plan as scoring_plan
from tests.integration.kit import NIGHTS, ROWS, World, ignore
from tests.integration.registry_kit import copy_version, promote_to

NIGHT, NEXT = NIGHTS[6], NIGHTS[7]


class Answer(NamedTuple):
    """What a command left."""

    code: int
    out: str
    err: str


@pytest.fixture
def shops(champion_world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Two nights were scored; nothing is tried in a fresh process, which takes seconds."""
    for module in (promotions, scoring_plan):
        monkeypatch.setattr(module, "require_servable", lambda *_: None)
    for night in (NIGHT, NEXT):
        champion_world.run_night(night)
    return champion_world


@pytest.fixture
def nightshift(
    shops: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Answer]:
    """Runs a command on the pipeline."""
    monkeypatch.setattr(house, "open_local_resources", lambda migrate: shops.resources)
    for module in (models_command, explain_command, run_command):
        monkeypatch.setattr(module, "load_named_pipeline", lambda name: shops.config)
    monkeypatch.setenv("USER", "ada")

    def run(*arguments: str) -> Answer:
        try:
            code = cli.main(arguments)
        except SystemExit as stop:  # argparse
            code = int(stop.code or 0)
        return Answer(code, *capsys.readouterr())

    return run


def explain(world: World, key: str, partition: date | None = None) -> dict[str, Any]:
    return explain_row(world.config, world.resources, key, partition)


def find_shop(world: World, visit: int, night: date) -> str:
    ((shop,),) = world.ask("select shop from scores.shops where visit = :v and partition_date = :n", v=visit, n=night)
    return str(shop)


def test_a_row_leads_to_its_model_its_data_its_gate_and_its_promotion(shops: World) -> None:
    found = explain(shops, f"{find_shop(shops, 3, NIGHT)},3", NIGHT)
    ((number, decision, version),) = shops.ask(
        "select score, decision, model_version from scores.shops where visit = 3 and partition_date = :n", n=NIGHT
    )
    assert (found["row"]["score"], found["row"]["decision"], version) == (number, decision, 1)
    model = found["model"]
    assert shops.ask("select train_from, train_to, rows, config_sha256, code_version from ml.model_versions") == [
        (model["train_from"], model["train_to"], model["rows"], model["config_sha256"], model["code_version"])
    ]
    assert len(model["inputs"]["features"]) >= 5
    assert (found["promotion"]["promoted_by"], found["promotion"]["kind"]) == ("tests", "gate")
    assert found["gate"]["id"] == found["promotion"]["gate_decision_id"]
    assert {rule["name"] for rule in found["gate"]["rules"]} >= {"min_rows", "floor", "baseline"}
    assert found["was_champion"] is True
    objects = shops.ask("select kind, object_uri, sha256 from ml.ledger where partition_date = :n", n=NIGHT)
    for kind, uri, sha256 in objects:
        if kind in ("features", "raw"):
            assert (found["objects"][kind]["uri"], found["objects"][kind]["sha256"]) == (uri, sha256)
    assert found["objects"]["features"]["exact"] is True


def test_without_a_day_the_newest_that_has_the_key_is_meant(shops: World) -> None:
    shops.write(NEXT, count=50)
    assert [shops.ingest(NEXT).status, shops.score(NEXT).status] == ["done", "done"]
    assert explain(shops, f"{find_shop(shops, 7, NEXT)},7")["row"]["partition_date"] == NEXT
    assert explain(shops, f"{find_shop(shops, 99, NIGHT)},99")["row"]["partition_date"] == NIGHT


def test_the_features_are_those_that_were_scored_also_where_newer_ones_came_in(shops: World) -> None:
    ((scored,),) = shops.ask(
        "select object_uri from ml.ledger where kind = 'features' and partition_date = :n", n=NIGHT
    )
    shops.write(NIGHT, shift=3.0)
    assert shops.ingest(NIGHT).status == "done"
    found = explain(shops, f"{find_shop(shops, 3, NIGHT)},3", NIGHT)
    assert found["objects"]["features"]["uri"] == scored
    assert found["objects"]["features"]["exact"] is True
    assert found["objects"]["raw"]["written_at"] <= found["objects"]["features"]["written_at"]


def test_a_version_that_was_asked_for_by_its_number_was_not_promoted_for_the_row(shops: World) -> None:
    copy_version(shops, "second", threshold=0.9)
    runs.run_score(shops.config, shops.resources, NIGHT, ignore, version=2)
    found = explain(shops, f"{find_shop(shops, 3, NIGHT)},3", NIGHT)
    assert (found["model"]["version"], found["promotion"], found["gate"], found["was_champion"]) == (
        2,
        None,
        None,
        False,
    )
    assert found["threshold"] == 0.9


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("north", "named by 2 values, shop,visit; 'north' has 1"),
        ("north,3,4", "named by 2 values, shop,visit"),
        ("", "named by 2 values"),
        ("north,three", "the key's visit must be a whole number, not 'three'"),
        ('"north,3', "can't be read as CSV"),
    ],
)
def test_a_key_that_is_none_says_how_it_is_written(world: World, key: str, message: str) -> None:
    with pytest.raises(NightshiftError, match=message):
        parse_key(world.config, key)


def test_a_key_is_read_as_csv(world: World) -> None:
    assert parse_key(world.config, '"a, ""b""", 3') == {"shop": 'a, "b"', "visit": 3}


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("number", "1.5", 1.5),
        ("boolean", "True", True),
        ("date", "2026-03-01", date(2026, 3, 1)),
        ("text", " x", "x"),
    ],
)
def test_every_type_of_key_is_understood(world: World, kind: str, text: str, value: Any) -> None:
    columns = {**world.config.spec.columns, "rained": kind}
    spec = world.config.spec.model_copy(update={"keys": ("rained",), "columns": columns})
    assert parse_key(world.config.model_copy(update={"spec": spec}), text) == {"rained": value}


@pytest.mark.parametrize(
    "key", ["'; drop table scores.shops; --,1", "north' or '1'='1,1", "%s,1", "north,99999999999999999999"]
)
def test_a_hostile_key_is_only_a_key_that_does_not_exist(shops: World, key: str) -> None:
    before = shops.hash_scores()
    with pytest.raises(NightshiftError, match="has no scored row with shop="):
        explain(shops, key)
    assert shops.hash_scores() == before


def test_a_row_that_is_not_there_says_where_it_is(shops: World) -> None:
    shop = find_shop(shops, 3, NIGHT)
    with pytest.raises(NightshiftError, match=f"newest partitions that have it: .*{NIGHT}"):
        explain(shops, f"{shop},3", NIGHTS[3])
    with pytest.raises(NightshiftError, match=f"newest partitions that are scored: {NEXT}, {NIGHT}"):
        explain(shops, f"{shop},{ROWS + 1}")


def test_before_anything_is_scored_it_says_so(world: World) -> None:
    with pytest.raises(NightshiftError, match="nothing was scored yet; bin/nightshift run shops score"):
        explain(world, "north,1")


def test_explain_prints_the_whole_story(shops: World, nightshift: Callable[..., Answer]) -> None:
    key = f"{find_shop(shops, 3, NIGHT)},3"
    answer = nightshift("explain", "shops", key, "--partition", str(NIGHT))
    assert (answer.code, answer.err) == (0, "")
    ((since, reason),) = shops.ask("select promoted_at, reason from ml.promotions")
    for text in (
        "version 1: logistic",
        "min_rows: passed",
        "by tests (gate), the first",
        reason,
        f"visit=3, partition_date={NIGHT}",
    ):
        assert text in answer.out
    record = json.loads(nightshift("explain", "shops", key, "--partition", str(NIGHT), "--json").out)
    assert record["promotion"]["promoted_at"] == since.isoformat()
    assert record["row"]["partition_date"] == str(NIGHT)


def test_models_lists_every_version_with_its_status(shops: World, nightshift: Callable[..., Answer]) -> None:
    for run in ("second", "third", "fourth"):
        copy_version(shops, run)
    promote_to(shops, 2, 1)
    shops.change("insert into ml.challengers (pipeline, version) values ('shops', 3)")
    models = {model["version"]: model for model in json.loads(nightshift("models", "shops", "--json").out)}
    assert {version: model["status"] for version, model in models.items()} == {
        4: "candidate", 3: "challenger", 2: "champion", 1: "former champion",
    }  # fmt: skip
    ((since,),) = shops.ask("select promoted_at from ml.promotions where version = 2")
    assert models[1]["since"] == models[2]["since"] == since.isoformat()
    assert (models[1]["decision"], models[2]["decision"]) == ("promote", None)
    assert 0.5 < models[1]["value"] < 1
    table = nightshift("models", "shops")
    assert table.code == 0
    lines = table.out.splitlines()
    assert [line.split()[0] for line in lines] == ["version", "4", "3", "2", "1"]
    assert "roc_auc 0." in lines[4]
    assert "promote: " in lines[4]
    assert "never asked" in lines[1]


def test_models_without_a_version_says_what_to_do(
    shops: World, nightshift: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = shops.config.model_copy(update={"name": "others"})
    monkeypatch.setattr(models_command, "load_named_pipeline", lambda name: empty)
    assert "has no model version yet; train one: bin/nightshift run others train" in nightshift("models", "others").out
    assert json.loads(nightshift("models", "others", "--json").out) == []


def test_promote_says_what_it_replaced_and_who_is_kept(shops: World, nightshift: Callable[..., Answer]) -> None:
    copy_version(shops, "second")
    answer = nightshift("promote", "shops", "2", "--reason", "looked at the slices")
    assert (answer.code, answer.out) == (0, "shops: version 2 is the champion now, instead of version 1.\n")
    kept = "select promoted_by, kind, reason from ml.promotions where version = 2"
    assert shops.ask(kept) == [("ada", "manual", "looked at the slices")]
    again = nightshift("promote", "shops", "2", "--reason", "again")
    assert (again.code, "already is the champion" in again.out) == (0, True)


def test_rollback_goes_back_and_scores_again(shops: World, nightshift: Callable[..., Answer]) -> None:
    copy_version(shops, "second")
    promote_to(shops, 2, 1)
    assert shops.score(NIGHT).status == "done"
    days = ("--rescore-from", str(NIGHT), "--rescore-to", str(NEXT + timedelta(days=1)))
    answer = nightshift("rollback", "shops", "--reason", "late shares look wrong", *days)
    assert answer.code == 0, answer.err
    assert answer.out.splitlines() == [
        "shops: version 1 is the champion now, instead of version 2.",
        f"2 partitions with {2 * ROWS} rows are scored again with version 1.",
        f"Without features, so not scored: {NEXT + timedelta(days=1)}",
    ]
    assert shops.ask("select distinct model_version from scores.shops") == [(1,)]
    found = explain(shops, f"{find_shop(shops, 3, NIGHT)},3", NIGHT)
    assert (found["promotion"]["kind"], found["was_champion"]) == ("rollback", True)
    assert found["scores"]["params"]["reason"] == "rollback to version 1: late shares look wrong"
    story = nightshift("explain", "shops", f"{find_shop(shops, 3, NIGHT)},3", "--partition", str(NIGHT)).out
    assert "because of a rollback to version 1: late shares look wrong" in story


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("promote", "shops", "2"), "--reason"),
        (("promote", "shops", "2", "--reason", " "), "is empty; write why"),
        (("promote", "shops", "two", "--reason", "x"), "'two' is not the number of a model version"),
        (("promote", "shops", "0", "--reason", "x"), "'0' is not the number"),
        (("promote", "shops", "7", "--reason", "x"), "no model version 7; there is 1"),
        (("rollback", "shops", "--reason", "x"), "no champion before version 1"),
        (("rollback", "shops", "--reason", "x", "--rescore-from", "2026-01-01"), "give both --rescore-from"),
        (("rollback", "shops", "--reason", "x", "--rescore-from", "1.1.2026"), "is not a date; write it as 2026-11-20"),
        (
            ("rollback", "shops", "--reason", "x", "--rescore-from", "2026-01-02", "--rescore-to", "2026-01-01"),
            "must not be before",
        ),
        (("explain", "shops", "north"), "shop,visit"),
        (("explain", "shops", "north,1", "--partition", "2020-01-01"), "newest partitions"),
    ],
)
def test_a_mistake_is_one_message_and_changes_nothing(
    shops: World, nightshift: Callable[..., Answer], arguments: tuple[str, ...], message: str
) -> None:
    before = shops.read_state()
    answer = nightshift(*arguments)
    assert answer.code != 0
    assert message in answer.err
    assert "Traceback" not in answer.err
    assert shops.read_state() == before


def test_a_night_is_scored_again_as_of_a_time(shops: World, nightshift: Callable[..., Answer]) -> None:
    copy_version(shops, "second")
    promote_to(shops, 2, 1)
    ((second,),) = shops.ask("select promoted_at from ml.promotions where version = 2")
    score_night = ("run", "shops", "score", "--partition", str(NIGHT), "--as-of")
    for at, version in ((second - timedelta(microseconds=1), 1), (second, 2)):
        answer = nightshift(*score_night, at.isoformat())
        assert json.loads(answer.out)["model_version"] == version
        scored = shops.ask("select distinct model_version from scores.shops where partition_date = :n", n=NIGHT)
        assert scored == [(version,)]
    before = shops.read_state()
    assert json.loads(nightshift(*score_night, "2020-01-01").out)["status"] == "skipped"
    for more in (("x",), ("2026-01-01", "--set", "as_of=2026-01-01"), ("2026-01-01", "--set", "version=1")):
        answer = nightshift(*score_night, *more)
        assert (answer.code, json.loads(answer.out)["status"]) == (1, "failed")
    assert shops.read_state() == before


@pytest.mark.parametrize("command", ["models", "promote", "rollback", "explain"])
def test_help_has_examples(nightshift: Callable[..., Answer], command: str) -> None:
    answer = nightshift(command, "--help")
    assert (answer.code, f"examples:\n  bin/nightshift {command} " in answer.out) == (0, True)
