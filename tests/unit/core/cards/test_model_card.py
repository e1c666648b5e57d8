"""Cards: true to what is known, silent about the rest, the same as page and as JSON, and harmless."""

import dataclasses
import json
import re
from datetime import date, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nightshift.config.json_values import without_nan
from nightshift.config.loading import load_pipelines
from nightshift.config.model import strip_credentials
from nightshift.core.cards import HeldOut, build_data_card, build_model_card
from nightshift.core.cards.annex_iv import POINTS
from nightshift.core.cards.changes import compare_versions
from nightshift.core.cards.columns import describe_columns
from nightshift.core.cards.data_card import number_stretches
from nightshift.core.cards.evaluation import bin_values, count_decisions, wilson_interval
from nightshift.core.cards.labels import describe_feature, describe_source
from nightshift.core.cards.model_card import describe_search
from nightshift.core.evaluation.metrics import measure
from nightshift.io.pages import scales
from nightshift.io.pages.cards import charts, render_html, render_json
from nightshift.io.pages.formats import format_gain, format_number
from tests.kits.card_facts import (
    DAYS,
    ROWS,
    draw_window,
    make_config,
    make_decision,
    make_group,
    make_known_data,
    make_known_model,
    make_rule,
    make_trial,
    make_validation,
    make_version,
)

HOSTILE = "</script><svg onload=alert(1)>\"'&"
REGRESSION = {
    "task": "regression",
    "training.metric": "rmse",
    "training.estimators": [{"kind": "ridge"}],
    "label.column": "spent",
    "label.at_least": None,
    "features.numeric": ["hour"],
    "known_afterwards": [],
}
NO_MODEL = HeldOut(np.array([0.0, 1.0]), np.array(["2026-01-09"] * 2, "datetime64[D]"), None, "It can't be loaded.")


class Tags(HTMLParser):
    """Every tag with its attributes, the ids and the targets of links of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "circle", "line", "rect", "path", "polyline"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("circle", "line", "rect", "path", "polyline"):
            assert self.open.pop() == tag


def make_cards(folder: Path, **changes: Any) -> list[dict[str, Any]]:
    config = make_config(folder, **changes)
    return [
        without_nan(card)
        for card in (build_model_card(make_known_model(config)), build_data_card(make_known_data(config)))
    ]


def find_answer(card: dict[str, Any], item: str) -> str | None:
    (answer,) = [found["answer"] for point in card["annex_iv"] for found in point["items"] if found["item"] == item]
    return answer  # type: ignore[no-any-return]


def test_a_model_card_says_what_the_registry_says(tmp_path: Path) -> None:
    card = make_cards(tmp_path)[0]
    assert (card["version"], card["gate"]["decision"], card["gate"]["champion_version"]) == (3, "promote", 2)
    assert card["training"]["hashes"] == {
        "artifact": "a" * 64,
        "labels": "1" * 64,
        "config": "c" * 64,
        "code": "0123456789ab",
    }
    assert card["training"]["feature_objects"]["2026-01-01"] == "f" * 64
    assert [feature["name"] for feature in card["features"]] == ["spent", "hour", "shop"]
    assert card["features"][1] == {
        "name": "hour",
        "kind": "numeric",
        "definition": "hour of seen_at",
        "importance": 0.05,
        "spread": 0.01,
        "alone": 0.5,
    }
    assert card["model"]["serving"] == {"seconds": 0.12, "megabytes": 34.5}
    assert "least cost" in card["model"]["threshold"]["rule"]


def test_every_metric_has_an_interval_around_the_recorded_value(tmp_path: Path) -> None:
    config = make_config(tmp_path)
    known = make_known_model(config)
    metrics = build_model_card(known)["evaluation"]["metrics"]
    assert [row["metric"] for row in metrics] == ["roc_auc", "average_precision", "log_loss", "brier"]
    for row in metrics:
        assert row["low"] < row["value"] < row["high"]
        assert row["value"] == measure(row["metric"], known.held_out.target, known.held_out.predicted)  # type: ignore[arg-type]
    judged = metrics[0]
    assert (judged["judged"], judged["baseline"], judged["champion"], judged["train"]) == (True, 0.5, 0.73, 0.81)
    assert [row["champion"] for row in metrics[1:]] == [None, None, None]


def test_a_model_that_cannot_be_loaded_gets_a_card_of_what_else_is_known(tmp_path: Path) -> None:
    version = make_version(NO_MODEL, metrics={"roc_auc": 0.7})
    card = without_nan(build_model_card(make_known_model(make_config(tmp_path), held_out=NO_MODEL, version=version)))
    assert card["evaluation"]["problem"] == "It can't be loaded."
    assert card["evaluation"]["metrics"][0]["value"] == 0.7
    assert card["evaluation"]["metrics"][0]["low"] is None
    assert (card["calibration"], card["decisions"]) == (None, None)
    page = render_html(card)
    assert "It can&#39;t be loaded." in page
    assert "interval not known" in page


def test_a_version_that_was_never_judged_gets_a_card(tmp_path: Path) -> None:
    known = make_known_model(make_config(tmp_path), decision=None, champion=None, trials=[])
    card = without_nan(build_model_card(known))
    assert (card["gate"]["decision"], card["search"], card["slices"]["groups"]) == (None, None, [])
    assert find_answer(card, "6") is None
    assert "not evaluated" in render_html(card)


@pytest.mark.parametrize(
    ("changes", "heading", "alone"),
    [
        ({}, "Calibration", "ROC AUC"),
        (REGRESSION, "Predicted and observed", "R²"),
    ],
)
def test_a_page_names_what_its_task_is_measured_by(
    tmp_path: Path, changes: dict[str, Any], heading: str, alone: str
) -> None:
    page = render_html(make_cards(tmp_path, **changes)[0])
    assert f'<section id="calibration"><h2>{heading}</h2>' in page
    assert f"Alone: {alone} on held-out rows" in page
    assert ("there is no decision threshold" in page) == (changes == REGRESSION)


def test_what_nobody_said_is_not_provided_and_never_made_up(tmp_path: Path) -> None:
    bare = make_cards(tmp_path, card={})
    assert bare[0]["about"] == {
        **dict.fromkeys(("purpose", "users", "affected", "out_of_scope", "provider")),
        "owner": "nightshift",
        "contact": "nightshift",
    }
    for item in ("1(f)", "1(h)", "2(e)", "5", "7", "8"):
        assert find_answer(bare[0], item) is None
    assert [bare[0][name] for name in ("limits", "risks", "standards")] == [None] * 3
    assert bare[1]["source"]["origin"] is None
    assert render_html(bare[0]).count("not provided") > 15


def test_what_people_said_is_in_the_card(tmp_path: Path) -> None:
    said = {name: f"said of {name}" for name in ("purpose", "provider", "contact", "users", "affected", "out_of_scope")}
    said |= {
        name: f"said of {name}" for name in ("limits", "risks", "oversight", "data_origin", "labelling", "standards")
    }
    model, data = (render_html(card) for card in make_cards(tmp_path, card=said))
    assert [name for name in said if f"said of {name}" not in model + data] == []
    assert "said of data_origin" in data
    assert "said of labelling" in data


def test_the_nine_points_of_annex_iv_are_all_there_with_their_items(tmp_path: Path) -> None:
    card = make_cards(tmp_path)[0]
    assert [point["point"] for point in card["annex_iv"]] == [str(number) for number in range(1, 10)]
    items = [item["item"] for point in card["annex_iv"] for item in point["items"]]
    assert items[:16] == [*(f"1({letter})" for letter in "abcdefgh"), *(f"2({letter})" for letter in "abcdefgh")]
    assert all(point["items"] for point in card["annex_iv"])
    assert "version 2" in str(find_answer(card, "1(a)"))
    assert set(POINTS) == {item[0] for item in items}


@pytest.mark.parametrize("kind", [0, 1])
def test_the_page_is_well_formed_without_script_and_without_anything_from_elsewhere(tmp_path: Path, kind: int) -> None:
    page = render_html(make_cards(tmp_path)[kind])
    found = Tags(page)
    assert found.open == []
    names = {tag for tag, _ in found.tags}
    assert names.isdisjoint(
        {"script", "iframe", "object", "embed", "img", "link", "form", "base", "foreignobject", "use"}
    )
    attributes = {name for _, given in found.tags for name in given}
    assert not any(name.startswith("on") or name in ("src", "srcset", "xlink:href", "action") for name in attributes)
    assert "http" not in re.sub(r"&[^;]+;", "", page)
    assert "@import" not in page
    assert "url(" not in page


@pytest.mark.parametrize("kind", [0, 1])
def test_links_within_a_page_lead_somewhere_and_pictures_have_words(tmp_path: Path, kind: int) -> None:
    tags = Tags(render_html(make_cards(tmp_path)[kind])).tags
    ids = [given["id"] for _, given in tags if "id" in given]
    assert len(ids) == len(set(ids))
    links = [str(given["href"]) for tag, given in tags if tag == "a"]
    assert links
    assert all(link.startswith("#") and link[1:] in ids for link in links)
    for _, given in ((tag, given) for tag, given in tags if tag == "svg" and given.get("aria-hidden") != "true"):
        assert given["role"] == "img"
        assert given.get("aria-label") or all(name in ids for name in str(given["aria-labelledby"]).split())


def test_the_json_is_the_same_content_and_knows_no_nan(tmp_path: Path) -> None:
    for card in make_cards(tmp_path):
        assert json.loads(render_json(card)) == json.loads(json.dumps(card))
    with pytest.raises(ValueError, match="JSON"):
        render_json({"value": float("nan")})


def test_the_same_facts_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = (make_cards(tmp_path / name) for name in ("a", "b"))
    assert [render_json(card) for card in first] == [render_json(card) for card in second]
    assert [render_html(card) for card in first] == [render_html(card) for card in second]


def test_hostile_values_are_shown_and_not_run(tmp_path: Path) -> None:
    config = make_config(tmp_path, title=HOSTILE, owner=HOSTILE, card={"purpose": HOSTILE, "limits": HOSTILE})
    rules = [
        make_rule("champion", None, HOSTILE, **{HOSTILE: HOSTILE}),
        make_rule("slices", None, HOSTILE, slices=[make_group(HOSTILE, verdict=HOSTILE, reason=HOSTILE)]),
    ]
    promotion = {"version": 2, "previous_version": None, "promoted_at": "2026-01-01T00:00:00+00:00"}
    promotion |= {"promoted_by": HOSTILE, "kind": "manual", "approved_by": HOSTILE, "reason": HOSTILE}
    known = make_known_model(
        config,
        decision=make_decision(reason=HOSTILE, rules=rules),
        trials=[make_trial(0, estimator=HOSTILE, parameters={HOSTILE: HOSTILE}, value=None, failure=HOSTILE)],
        promotions=[promotion],
        software={HOSTILE: HOSTILE},
    )
    version = {**known.version, "run_id": HOSTILE, "parameters": {"C": HOSTILE}, "estimator": HOSTILE}
    data = make_known_data(config)
    failure = {"level": HOSTILE, "expectation": HOSTILE, "rows": 1, "detail": HOSTILE}
    data = dataclasses.replace(
        data,
        rows=data.rows.assign(shop=HOSTILE),
        validations=[make_validation(date(2026, 1, 2), failures=[failure])],
    )
    model_page = render_html(without_nan(build_model_card(dataclasses.replace(known, version=version))))
    data_page = render_html(without_nan(build_data_card(data)))
    for page, least in ((model_page, 20), (data_page, 5)):
        assert "<svg onload" not in page
        assert "</script" not in page
        assert page.count("&lt;svg onload=alert(1)&gt;") >= least
        Tags(page)


def test_a_wide_pipeline_with_a_long_window_still_gives_a_small_page(tmp_path: Path) -> None:
    """All categories hostile, 365 features objects, 120 features, 100 slices, 300 trials."""
    numeric, categorical = [f"number_{i}" for i in range(60)], [f"category_{i}" for i in range(60)]
    config = make_config(
        tmp_path,
        columns={"shop": "text", "visit": "integer", "seen_at": "timestamp", "returned": "integer", "late": "number"}
        | dict.fromkeys(numeric, "number")
        | dict.fromkeys(categorical, "text"),
        features={"numeric": numeric, "categorical": categorical},
    )
    generator = np.random.default_rng(1)
    days = np.arange(np.datetime64("2025-01-10"), np.datetime64("2026-01-10"))
    rows = pd.DataFrame({name: generator.normal(size=len(days)) for name in numeric})
    for name in categorical:
        rows[name] = [HOSTILE * 4 + str(number % 9) for number in range(len(days))]
    objects = {str(day): "f" * 64 for day in days}
    wide = {"features": {"numeric": numeric, "categorical": categorical}, "inputs": {"features": objects}}
    rules = [make_rule("slices", slices=[make_group(f"{HOSTILE} {number}") for number in range(100)])]
    model = make_known_model(config, decision=make_decision(rules=rules), trials=[make_trial(n) for n in range(300)])
    model = dataclasses.replace(model, version={**model.version, **wide})
    data = dataclasses.replace(
        make_known_data(config, rows=rows, target=np.ones(len(days)), days=days),
        version={**model.version, "train_from": "2025-01-10"},
    )
    for card in (build_model_card(model), build_data_card(data)):
        assert len(render_html(without_nan(card)).encode()) < 300_000


def test_a_data_card_counts_rows_and_outcomes_per_day(tmp_path: Path) -> None:
    known = make_known_data(make_config(tmp_path))
    days = build_data_card(known)["days"]
    assert (days["rows"], days["days"], days["stretch"]) == (10 * ROWS, 10, 1)
    third = days["series"][2]
    assert third["mean"] == pytest.approx(known.target[known.days == DAYS[2]].mean())
    assert (third["from"], third["rows"], third["held_out"]) == ("2026-01-03", ROWS, False)
    assert [point["held_out"] for point in days["series"]] == [False] * 8 + [True] * 2


def test_a_long_window_is_shown_in_stretches_that_hold_every_row(tmp_path: Path) -> None:
    days = np.arange(np.datetime64("2025-01-01"), np.datetime64("2025-01-01") + np.timedelta64(365, "D"))
    rows = draw_window()[0].iloc[: len(days)]
    target = np.arange(len(days), dtype="float64")
    found = build_data_card(make_known_data(make_config(tmp_path), rows=rows, days=days, target=target))["days"]
    assert found["stretch"] == 4
    assert len(found["series"]) == 92
    assert {point["days"] for point in found["series"]} == {4, 1}
    assert sum(point["rows"] for point in found["series"]) == 365
    assert (found["series"][0]["to"], found["series"][-1]["to"]) == ("2025-01-04", "2025-12-31")
    assert found["series"][1]["mean"] == 5.5


def test_no_stretch_mixes_training_days_with_held_out_ones() -> None:
    held_out = np.array([False] * 5 + [True] * 3)
    assert number_stretches(held_out, 2).tolist() == [0, 0, 1, 1, 2, 3, 3, 4]
    assert number_stretches(held_out[:5], 1).tolist() == [0, 1, 2, 3, 4]
    assert number_stretches(held_out[5:], 2).tolist() == [0, 0, 1]


def test_features_are_described_on_the_training_slice_only(tmp_path: Path) -> None:
    known = make_known_data(make_config(tmp_path))
    late = known.days >= np.datetime64("2026-01-09")
    changed = known.rows.assign(
        spent=known.rows["spent"].where(~late, 9999.0), shop=known.rows["shop"].where(~late, "moon")
    )
    card = build_data_card(dataclasses.replace(known, rows=changed))
    assert card["features"] == build_data_card(known)["features"]
    assert card["features_of"] == {"slice": "training", "rows": 8 * ROWS}


def test_features_have_missing_shares_quantiles_and_categories(tmp_path: Path) -> None:
    rows = pd.DataFrame(
        {
            "spent": [1.0, 2.0, 3.0, 4.0, None],
            "hour": [8.0] * 5,
            "shop": ["north", "north", "south", None, "<b>" * 40],
        }
    )
    spent, hour, shop = describe_columns(rows, make_config(tmp_path).spec)
    assert (spent["missing"], spent["distinct"], spent["mean"], spent["quantiles"]["median"]) == (0.2, 4, 2.5, 2.5)
    assert spent["histogram"]["counts"] == [1, 1, 1, 1]
    assert hour["histogram"] is None
    assert shop["top"][0] == {"value": "north", "share": 0.4}
    assert (shop["missing"], shop["distinct"], shop["others"]) == (0.2, 3, 0.0)
    assert max(len(category["value"]) for category in shop["top"]) == 60


def test_an_empty_feature_and_an_empty_slice_can_be_described(tmp_path: Path) -> None:
    spec = make_config(tmp_path).spec
    empty = pd.DataFrame({"spent": [np.nan, np.nan], "hour": [1.0, 2.0], "shop": [None, None]})
    for rows in (empty, empty.iloc[:0]):
        spent, _, shop = describe_columns(rows, spec)
        assert (spent["mean"], spent["histogram"], shop["top"]) == (None, None, [])


def test_quarantined_and_stopped_days_are_counted_with_their_reasons(tmp_path: Path) -> None:
    stopped = {"level": "batch", "expectation": "row_count", "rows": 9, "detail": "9 rows"}
    validations = [
        make_validation(date(2026, 1, 1)),
        make_validation(date(2026, 1, 2), quarantined=0, failures=[]),
        make_validation(
            date(2026, 1, 3), success=False, failures=[stopped, *make_validation(date(2026, 1, 3))["failures"]]
        ),
    ]
    found = build_data_card(make_known_data(make_config(tmp_path), validations=validations))["validation"]
    assert (found["days"], found["passed"], found["quarantined"]) == (3, 2, 6)
    assert [day["day"] for day in found["noticed"]] == ["2026-01-01", "2026-01-03"]
    assert [(row["expectation"], row["days"], row["rows"]) for row in found["failures"]] == [
        ("spent", 2, 6),
        ("row_count", 1, 9),
    ]


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ({"kind": "files", "path": "s3://bucket/{partition}.csv"}, "s3://bucket/{partition}.csv"),
        (
            {"kind": "files", "path": "https://data.example.org/{partition}.csv?ticket=hush&more=hush#hush"},
            "https://data.example.org/{partition}.csv",
        ),
        (
            {
                "kind": "sql",
                "query": "select * from sales.orders o join shops using (id) where key = 'hush' "
                "and at >= :partition_start and at < :partition_end",
                "url": "postgresql://hush@db.example.org/sales?sslpassword=hush",
            },
            "postgresql://db.example.org/sales: sales.orders, shops",
        ),
    ],
)
def test_no_secret_of_the_source_gets_into_a_card(tmp_path: Path, source: dict[str, Any], place: str) -> None:
    cards = make_cards(tmp_path, source=source)
    assert cards[1]["source"]["place"] == place
    assert "hush" not in "".join(render_html(card) + render_json(card) for card in cards)


def test_an_address_loses_its_login_and_keeps_its_place() -> None:
    assert strip_credentials("https://user:pass@host:8443/a/b.csv?token=x") == "https://host:8443/a/b.csv"
    assert strip_credentials("{data}/what?*.csv") == "{data}/what?*.csv"


def test_every_feature_of_the_shipped_pipelines_has_a_definition() -> None:
    for config in load_pipelines().usable:
        described = {name: describe_feature(name, config.spec) for name in config.spec.features.names}
        derived = {feature.name for feature in config.spec.features.derived}
        assert all(described.values())
        assert not any(text.startswith("column of the source") for name, text in described.items() if name in derived)
        assert describe_source(config.spec)["place"]


def test_regression_shows_observed_against_predicted() -> None:
    predicted = np.arange(100.0)
    bins = bin_values(predicted + 1, predicted, 4)
    assert [found["rows"] for found in bins] == [25] * 4
    assert [found["observed"] - found["predicted"] for found in bins] == [1.0] * 4
    assert (bins[0]["low"], bins[-1]["high"]) == (0.0, 99.0)
    assert bins[0]["observed_low"] < bins[0]["observed"] < bins[0]["observed_high"]


def test_decisions_are_counted_from_the_threshold_on() -> None:
    held_out = HeldOut(np.array([1.0, 1.0, 0.0, 0.0, 0.0]), np.zeros(5), np.array([0.9, 0.1, 0.5, 0.2, 0.3]))
    found = count_decisions(held_out, 0.5, 0.95)
    assert found is not None
    assert found["counts"] == {"true_positive": 1, "false_positive": 1, "false_negative": 1, "true_negative": 2}
    assert {row["name"]: row["value"] for row in found["shares"]} == pytest.approx(
        {"precision": 0.5, "recall": 0.5, "specificity": 2 / 3, "decided true": 0.4, "truly positive": 0.4}
    )


def test_wilsons_interval_is_the_published_one() -> None:
    """81 of 263 at 95 %: Newcombe, Statistics in Medicine 17 (1998), table I."""
    assert wilson_interval(81 / 263, 263, 0.95) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson_interval(0.0, 20, 0.95) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert all(np.isnan(wilson_interval(float("nan"), 0, 0.95)))


def test_the_search_shows_the_best_of_each_kind_in_the_last_round_it_reached() -> None:
    trials = [
        make_trial(0, value=0.9),
        make_trial(1, estimator="random_forest", value=0.6),
        make_trial(2, estimator="random_forest", value=None, failure="refused"),
        make_trial(3, value=0.7, rung=1, rows=1200),
    ]
    found = describe_search(trials, "roc_auc")
    assert found is not None
    assert [trial["number"] for trial in found["best"]] == [3, 1]
    assert (found["trials"], found["failed"], found["rounds"], found["seconds"]) == (4, 1, 2, 2.0)
    assert [trial["number"] for trial in describe_search(trials, "rmse")["best"]] == [3, 1]  # type: ignore[index]


def test_what_changed_since_the_champion_is_named() -> None:
    held_out = HeldOut(np.ones(1), DAYS[:1], None)
    old, new = make_version(held_out), make_version(held_out, config_sha256="e" * 64, train_to="2026-01-09")
    new["features"] = {"numeric": ["spent", "distance"], "categorical": ["shop"]}
    said = " ".join(compare_versions(new, old))
    for text in ("added: distance", "removed: hour", "2026-01-01 to 2026-01-08", "pipeline.yaml", "eeeeeeeeeeee"):
        assert text in said
    assert "Estimator" not in said
    assert "code" not in said
    assert compare_versions(old, old) == ["Nothing but the seed or the search's outcome."]


def test_numbers_are_written_with_the_digits_that_matter() -> None:
    written = {
        0.123456: "0.1235",
        1234.5678: "1,235",
        12.3456: "12.35",
        0.00012: "0.0001",
        0.00001: "1.00e-05",
        8.0: "8",
    }
    assert {value: format_number(value) for value in written} == written
    assert [format_number(value) for value in (None, float("nan"), True, 12345)] == ["—", "—", "yes", "12,345"]
    assert [format_gain(value) for value in (0.01, -0.00001, -123.456, None)] == ["+0.0100", "0.0000", "-123.5", "—"]


def test_pictures_stay_within_their_frames(tmp_path: Path) -> None:
    model, data = make_cards(tmp_path)
    bars = charts.lay_out_importance(model["features"])
    assert bars is not None
    assert all(0 <= row["low"] <= row["high"] <= bars["width"] for row in bars["rows"])
    assert bars["rows"][0]["width"] > bars["rows"][1]["width"] > bars["rows"][2]["width"] > 0
    for row in charts.lay_out_metrics(model["evaluation"]["metrics"])["rows"]:
        assert charts.LABELS <= row["low"] < row["value"] < row["high"] <= charts.WIDTH
    gains = charts.lay_out_gains(model["slices"]["groups"], model["slices"]["margin"])
    assert gains is not None
    assert gains["margin"] < gains["rows"][0]["low"] < gains["zero"] < gains["rows"][0]["value"]
    points = charts.lay_out_days(data["days"]["series"])["points"]
    assert [point["middle"] for point in points] == sorted(point["middle"] for point in points)
    assert all(28 <= point["rows"] <= 108 and 132 <= point["mean"] <= 236 for point in points)


@pytest.mark.parametrize("values", [(0.0, 1.0), (-3.2e-7, 4.1e-7), (1e9, 1.00001e9), (0.12, 0.13)])
def test_ticks_are_few_and_within_the_axis(values: tuple[float, float]) -> None:
    ticks = scales.choose_ticks(*values)
    assert 2 <= len(ticks) <= 12
    assert all(values[0] - 1e-9 * abs(values[0]) <= tick <= values[1] * (1 + 1e-9) for tick in ticks)


def test_a_days_chart_of_one_day_can_be_drawn(tmp_path: Path) -> None:
    known = make_known_data(make_config(tmp_path))
    one = known.days == known.days[0]
    known = dataclasses.replace(known, rows=known.rows[one], target=known.target[one], days=known.days[one])
    version = {**known.version, "holdout_from": str(date(2026, 1, 1) + timedelta(days=1))}
    assert "2026-01-01" in render_html(without_nan(build_data_card(dataclasses.replace(known, version=version))))
