"""The challenger in the champion's shadow: scored every night, compared when outcomes are known, never in the way."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

from nightshift.errors import TemporarilyUnavailable
from nightshift.io.artifacts import store_model
from nightshift.io.lake.base import ObjectRef, make_attempt_id
from nightshift.io.registry import (
    NewVersion,
    PromotionRequest,
    promote,
    record_decision,
    register_version,
    set_challenger,
)
from nightshift.steps import runs
from nightshift.steps.drift import compare_windows
from nightshift.steps.outcome import Outcome
from nightshift.steps.score import challenger as shadow
from nightshift.steps.score.challenger import compare_challenger, score_shadow
from tests.integration.kit import NIGHTS, PIPELINE, ROWS, World, bend, draw_rows, flip_byte

BEFORE = NIGHTS[0] - timedelta(days=1)
PROBED = [{"name": "reload", "passed": True, "figures": {}, "reason": ""}]
SHADOWS = (
    "select md5(string_agg(s::text, '|' order by s::text)), count(*) from monitoring.shadow_scores s"
    " where model_version = :version"
)


def fit(weak: bool = False, features: tuple[str, ...] = ("spent", "hour")) -> Any:
    """A weak model learnt where spending tells nothing."""
    days = [NIGHTS[0] - timedelta(days=back) for back in range(10, 20)]
    rows = pd.concat([draw_rows(day, weak=weak) for day in days]).assign(
        hour=lambda frame: frame["seen_at"].str[11:13].astype(float), other=1.0
    )
    columns = ColumnTransformer([("n", "passthrough", list(features)), ("c", OneHotEncoder(), ["shop"])])
    model = Pipeline([("columns", columns), ("model", LogisticRegression(max_iter=500))])
    return model.fit(rows[[*features, "shop"]], rows["returned"].astype("float64"))


def register(
    world: World, model: Any, seen: date = BEFORE, features: tuple[str, ...] = ("spent", "hour"), rules: Any = PROBED
) -> tuple[int, int]:
    """A version that knows the nights up to `seen`, and the id of a decision about it."""
    new = NewVersion(
        run_id=f"run {np.random.default_rng().integers(1 << 60)}",
        artifact=store_model(world.lake, PIPELINE, model, make_attempt_id()),
        reference=ObjectRef("file:///nowhere", "0" * 64, 0),
        config_sha256="c",
        code_version="c",
        train_from=BEFORE,
        train_to=seen,
        holdout_from=seen,
        holdout_to=seen,
        rows=1,
        estimator="logistic",
        parameters={},
        features={"numeric": list(features), "categorical": ["shop"]},
        inputs={},
        seed=1,
        metrics={},
    )
    with world.warehouse.begin() as connection:
        version = register_version(connection, PIPELINE, new)
        return version, record_decision(connection, PIPELINE, version, None, "keep", rules, "")


def crown(world: World, version: int, expected: int | None) -> None:
    with world.warehouse.begin() as connection:
        promote(connection, PIPELINE, PromotionRequest(version, expected, "tests", "", None, kind="manual"))


def challenge(world: World, model: Any, **known: Any) -> int:
    version, decision = register(world, model, **known)
    with world.warehouse.begin() as connection:
        set_challenger(connection, PIPELINE, version, decision)
    return version


def hash_shadow(world: World, version: int) -> tuple[Any, ...]:
    return world.ask(SHADOWS, version=version)[0]


def read_comparison(world: World) -> tuple[Any, ...]:
    query = (
        "select window_from, window_to, model_version, champion_version, rows, result, gain, gain_low, gain_high"
        " from monitoring.shadow_comparisons"
    )
    (found,) = world.ask(query)
    return found


@pytest.fixture
def duel(world: World) -> World:
    """Version 1, weak, is the champion; version 2, good, its challenger."""
    world = bend(world, **{"gate.keep_challenger": True, "gate.policy": "superior"})
    crown(world, register(world, fit(weak=True))[0], None)
    assert challenge(world, fit()) == 2
    return world


@pytest.fixture
def night(duel: World) -> date:
    """The first night, scored by both."""
    duel.run_night(NIGHTS[0])
    return NIGHTS[0]


def test_every_published_row_has_the_challengers_score_beside_it(duel: World, night: date) -> None:
    joined = (
        "select count(*) from monitoring.shadow_scores h join scores.shops s on s.partition_date = h.partition_date"
        " and jsonb_build_object('shop', s.shop, 'visit', s.visit) = h.keys and h.champion_score = s.score"
        " and h.champion_version = 1 and s.model_version = 1 and h.model_version = 2 and h.partition_date = :night"
    )
    assert duel.ask(joined, night=night) == [(ROWS,)]
    assert hash_shadow(duel, 2)[1] == ROWS
    expected = dict(duel.ask("select keys ->> 'visit', score from monitoring.shadow_scores"))
    crown(duel, 2, 1)
    duel.score(night)
    assert dict(duel.ask("select visit::text, score from scores.shops")) == expected


def test_scoring_again_gives_the_same_rows_and_leaves_the_champions_alone(duel: World, night: date) -> None:
    before = hash_shadow(duel, 2), duel.hash_scores()
    assert score_shadow(duel.config, duel.resources, night).status == "done"
    assert duel.score(night).status == "done"
    assert (hash_shadow(duel, 2), duel.hash_scores()) == before


def test_batches_of_any_size_give_the_same_rows(duel: World, night: date) -> None:
    """But for the last digits, which linear algebra gives no promise about."""
    rows = "select keys, round(score::numeric, 9), champion_score from monitoring.shadow_scores order by keys"
    before = duel.ask(rows)
    spec = duel.config.spec
    small = spec.model_copy(update={"scoring": spec.scoring.model_copy(update={"batch_rows": 7})})
    assert score_shadow(duel.config.model_copy(update={"spec": small}), duel.resources, night).figures["rows"] == ROWS
    assert duel.ask(rows) == before


def test_there_is_nothing_to_do_without_a_challenger_or_published_scores(duel: World) -> None:
    unpublished = score_shadow(duel.config, duel.resources, NIGHTS[1])
    assert (unpublished.status, "no published scores" in unpublished.reason) == ("skipped", True)
    crown(duel, 2, 1)
    assert "no challenger" in score_shadow(duel.config, duel.resources, NIGHTS[1]).reason
    assert "no challenger" in compare_challenger(duel.config, duel.resources, NIGHTS[1]).reason


def test_a_pipeline_that_keeps_no_challenger_does_not_score_the_one_that_it_has(duel: World) -> None:
    bend(duel).run_night(NIGHTS[0])
    assert hash_shadow(duel, 2)[1] == 0


def test_scores_that_the_challenger_itself_gave_have_no_shadow(duel: World, night: date) -> None:
    """It was in charge for a while, and the champion is back."""
    before = hash_shadow(duel, 2)
    crown(duel, 2, 1)
    duel.score(night)
    crown(duel, 1, 2)
    outcome = score_shadow(duel.config, duel.resources, night)
    assert (outcome.status, "version 2 itself" in outcome.reason) == ("skipped", True)
    assert hash_shadow(duel, 2) == before


def break_artifact(world: World) -> None:
    ((uri,),) = world.ask("select artifact_uri from ml.model_versions where version = 3")
    flip_byte(world.find_file(uri))


@pytest.mark.parametrize("fault", ["features", "artifact", "probe", "stale", "nan"])
def test_a_challenger_that_fails_is_skipped_with_the_reason_and_the_night_is_published(duel: World, fault: str) -> None:
    known: dict[str, Any] = {"features": ("spent", "other")} if fault == "features" else {}
    model = fit(features=known.get("features", ("spent", "hour")))
    if fault == "nan":
        model.named_steps["model"].coef_ *= np.nan
    assert challenge(duel, model, **known, rules=[] if fault == "probe" else PROBED) == 3
    if fault == "artifact":
        break_artifact(duel)
    duel.run_night(NIGHTS[1])
    if fault == "stale":
        duel.change("delete from monitoring.shadow_scores")
        duel.write(NIGHTS[1], draw_rows(NIGHTS[1]).iloc[1:])
        duel.ingest(NIGHTS[1])
    outcome = score_shadow(duel.config, duel.resources, NIGHTS[1])
    told = {
        "features": "other, which the features don't have",
        "artifact": "the object was changed after it was written",
        "probe": "no gate has seen it load",
        "stale": f"{ROWS - 1} of {ROWS} published rows",
        "nan": f"no finite score for {ROWS} rows",
    }[fault]
    assert (outcome.status, told in outcome.reason) == ("skipped", True), outcome.reason
    assert duel.ask("select count(*) from scores.shops") == [(ROWS,)]
    assert hash_shadow(duel, 3)[1] == 0


def test_a_warehouse_that_does_not_answer_is_worth_a_retry(
    duel: World, night: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> int:
        raise TemporarilyUnavailable("gone")

    monkeypatch.setattr(shadow, "stage_scores", fail)
    with pytest.raises(TemporarilyUnavailable):
        score_shadow(duel.config, duel.resources, night)


def test_a_newer_challenger_takes_the_place_from_the_next_night_on(duel: World, night: date) -> None:
    before = hash_shadow(duel, 2)
    assert challenge(duel, fit()) == 3
    duel.run_night(NIGHTS[1])
    assert hash_shadow(duel, 2) == before
    query = "select partition_date, model_version, count(*) from monitoring.shadow_scores group by 1, 2 order by 1"
    assert duel.ask(query) == [(NIGHTS[0], 2, ROWS), (NIGHTS[1], 3, ROWS)]


def test_a_challenger_that_is_put_in_charge_is_no_shadow_any_more(duel: World, night: date) -> None:
    crown(duel, 2, 1)
    duel.run_night(NIGHTS[1])
    assert duel.ask("select distinct model_version from scores.shops where partition_date = :n", n=NIGHTS[1]) == [(2,)]
    assert duel.ask("select distinct partition_date from monitoring.shadow_scores") == [(night,)]


def test_a_night_that_a_new_champion_scores_again_has_that_one_beside_the_challenger(duel: World, night: date) -> None:
    crown(duel, register(duel, fit(weak=True, features=("hour",)), features=("hour",))[0], 1)
    duel.score(night)
    beside = (
        "select h.champion_version, count(*) from monitoring.shadow_scores h join scores.shops s"
        " on h.champion_score = s.score and h.keys ->> 'visit' = s.visit::text group by 1"
    )
    assert duel.ask(beside) == [(3, ROWS)]
    assert hash_shadow(duel, 2)[1] == ROWS


def test_keys_of_every_type_find_their_outcome_again(world: World) -> None:
    """They went through JSON."""
    world = bend(world, **{"gate.keep_challenger": True, "keys": ["visit", "seen_at", "rained", "spent", "shop"]})
    crown(world, register(world, fit(weak=True))[0], None)
    challenge(world, fit())
    world.run_night(NIGHTS[0])
    assert compare_challenger(world.config, world.resources, NIGHTS[0]).figures["rows"] == ROWS


def compare(world: World, nights: tuple[date, ...]) -> Outcome:
    for night in nights:
        world.run_night(night)
    return compare_challenger(world.config, world.resources, nights[-1])


def test_a_better_challenger_is_found_out_and_its_promotion_left_to_a_person(duel: World) -> None:
    outcome = compare(duel, NIGHTS[:4])
    assert (outcome.status, outcome.figures["result"]) == ("done", "better")
    assert "bin/nightshift promote shops 2 --reason" in outcome.reason
    first, last, challenger, champion, rows, verdict, gain, low, high = read_comparison(duel)
    assert (first, last, challenger, champion) == (NIGHTS[0], NIGHTS[3], 2, 1)
    assert (rows, verdict) == (4 * ROWS, "better")
    assert 0 < low < gain < high
    performance = (
        "select partition_date, value > 0.5, rows from monitoring.performance"
        " where model_version = 2 and metric = 'roc_auc' order by 1"
    )
    assert duel.ask(performance) == [(night, True, ROWS) for night in NIGHTS[:4]]
    assert duel.ask("select version from ml.champions") == [(1,)]
    assert compare_challenger(duel.config, duel.resources, NIGHTS[3]).figures == outcome.figures
    assert read_comparison(duel)[:6] == (first, last, challenger, champion, rows, verdict)


def test_a_worse_challenger_is_found_out(world: World) -> None:
    world = bend(world, **{"gate.keep_challenger": True})
    crown(world, register(world, fit())[0], None)
    challenge(world, fit(weak=True))
    outcome = compare(world, NIGHTS[:4])
    assert (outcome.figures["result"], "the champion is kept" in outcome.reason) == ("worse", True)


def test_an_equal_challenger_and_too_few_rows_are_unclear(world: World) -> None:
    world = bend(world, **{"gate.keep_challenger": True, "gate.min_rows": 2 * ROWS})
    crown(world, register(world, fit(weak=True))[0], None)
    challenge(world, fit())
    few = compare(world, NIGHTS[:1])
    assert (few.figures["result"], "240 rows are needed" in few.reason) == ("unclear", True)
    challenge(world, fit(weak=True))
    equal = compare(world, NIGHTS[1:5])
    assert (equal.figures["result"], equal.figures["gain"]) == ("unclear", 0.0)


@pytest.mark.parametrize("knows", ["champion", "challenger"])
def test_nights_that_either_was_trained_or_judged_on_do_not_count(world: World, knows: str) -> None:
    world = bend(world, **{"gate.keep_challenger": True})
    seen = {"seen": NIGHTS[1]}
    crown(world, register(world, fit(weak=True), **(seen if knows == "champion" else {}))[0], None)
    challenge(world, fit(), **(seen if knows == "challenger" else {}))
    early = compare(world, NIGHTS[:2])
    assert (early.status, "no day that challenger, version 2" in early.reason) == ("skipped", True)
    assert compare(world, NIGHTS[2:4]).figures["window_from"] == str(NIGHTS[2])


def test_only_matured_nights_of_the_last_window_and_of_this_champion_count(world: World) -> None:
    window = {"training.window_days": 3, "label": {"column": "returned", "available_after_days": 2}}
    world = bend(world, **{"gate.keep_challenger": True, **window})
    crown(world, register(world, fit(weak=True))[0], None)
    challenge(world, fit())
    figures = compare(world, NIGHTS[:6]).figures
    assert (figures["window_from"], figures["window_to"], figures["rows"]) == (
        str(NIGHTS[2]),
        str(NIGHTS[4]),
        3 * ROWS,
    )
    crown(world, register(world, fit(weak=True, features=("hour",)), features=("hour",))[0], 1)
    assert compare_challenger(world.config, world.resources, NIGHTS[5]).status == "skipped"


def test_a_long_window_is_sampled_the_same_way_every_time(duel: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shadow, "MAX_ROWS", 2 * 90)
    first = compare(duel, NIGHTS[:2])
    assert first.figures["rows"] == 180
    assert compare_challenger(duel.config, duel.resources, NIGHTS[1]).figures == first.figures


def test_the_drift_run_tells_how_the_challenger_does(champion_world: World) -> None:
    world = bend(champion_world, **{"gate.keep_challenger": True})
    challenge(world, fit(), seen=NIGHTS[5])
    for night in NIGHTS[6:8]:
        world.run_night(night)
    told: list[str] = []
    outcome = runs.run_drift(
        world.config, world.resources, NIGHTS[7], lambda step, _: told.append(step), "run", datetime.now(UTC)
    )
    assert told == ["compare", "measure_performance", "decide", "compare_challenger"]
    assert "challenger 2" in outcome.figures["challenger"]
    assert compare_windows(world.config, world.resources, NIGHTS[7]).figures["champion_version"] == 1


def test_a_candidate_that_is_no_better_is_kept_in_the_shadow_by_the_gate(champion_world: World) -> None:
    world = bend(champion_world, **{"gate.keep_challenger": True, "gate.policy": "superior"})
    outcome = world.train(NIGHTS[5], "second")
    assert (outcome.figures["decision"], outcome.figures["challenger"]) == ("keep", True)
    world.run_night(NIGHTS[6])
    query = "select distinct model_version, champion_version, score = champion_score from monitoring.shadow_scores"
    assert world.ask(query) == [(2, 1, True)]
