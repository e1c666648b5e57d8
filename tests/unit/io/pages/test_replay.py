"""A replay's page: every figure of the report, in words and pictures, whatever is missing, and harmless."""

import re
import xml.etree.ElementTree as ET
from datetime import date, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest

from nightshift.io.pages.replay import charts, render_metric_chart, render_replay
from nightshift.io.pages.replay import labels as words

HOSTILE = "</script><svg onload=alert(1)>\"'&"
FIRST = date(2017, 3, 1)
LIMITS = {
    "drift": {"share_limit": 0.3, "column_limit": 0.1},
    "retrain": {"cooldown_days": 14, "performance": {"window_days": 7}},
}


class Tags(HTMLParser):
    """Every tag with its attributes; each one that needs it is closed."""

    VOID = ("meta", "circle", "line", "rect", "path", "polyline")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.open.append(tag)
        if tag in self.VOID and tag != "path":
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID or tag == "path":
            assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def make_training(version: int | None = 2, promoted: bool = True, **changes: Any) -> dict[str, Any]:
    decision = "promote" if promoted else "keep"
    return {"version": version, "decision": decision, "promoted": promoted, "reason": "", "seconds": 9.5} | changes


def make_night(offset: int, **changes: Any) -> dict[str, Any]:
    night = {
        "date": str(FIRST + timedelta(days=offset)),
        "rows": 800,
        "metric": 0.7,
        "drifted": False,
        "drift_share": 0.1,
        "prediction_score": 0.05,
        "drift_reason": "",
        "decision": "wait",
        "reason": "no cause",
        "champion": 1,
        "trained": None,
        "seconds": 1.5,
        "problem": "",
    }
    return night | changes


def make_policy(policy: str, nights: list[dict[str, Any]], metric: float | None = 0.7) -> dict[str, Any]:
    trainings = [night["trained"] for night in nights if night["trained"]]
    summary = {
        "metric": metric,
        "pooled": None if metric is None else metric - 0.05,
        "mean_of_days": metric,
        "nights": len(nights),
        "scored_rows": 800 * len(nights),
        "trainings": len(trainings),
        "promotions": sum(trained["promoted"] for trained in trainings),
        "compute_seconds": 4000.0,
        "training_seconds": 75.0,
    }
    return {"policy": policy, "summary": summary, "nights": nights}


def make_report(ours: dict[str, Any], *others: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A report of as many nights as the first policy has."""
    report = {
        "pipeline": "flights",
        "title": "Late flights",
        "metric": "roc_auc",
        "higher_is_better": True,
        "compared_by": "mean of the days",
        "first_refused": "",
        "from": str(FIRST),
        "to": str(FIRST + timedelta(days=max(len(ours["nights"]) - 1, 0))),
        **ours,
        "compared": list(others),
        "recovered": None,
        "config": LIMITS,
    }
    return report | changes


def make_full_report(nights: int = 60) -> dict[str, Any]:
    """All policies: ours retrained twice, once in vain; it has three quarters of what always gains."""
    asked = {20: make_training(2), 40: make_training(3, promoted=False, reason="worse by 0.02")}
    ours = [
        make_night(at, trained=asked.get(at), decision="retrain" if at in asked else "wait") for at in range(nights)
    ]
    bare = {"drifted": None, "drift_share": None, "prediction_score": None}
    never = [make_night(at, decision="none", **bare) for at in range(nights)]
    always = [make_night(at, decision="retrain", trained=make_training(at + 2), **bare) for at in range(nights)]
    policies = (
        make_policy("nightshift", ours, 0.73),
        make_policy("never", never, 0.7),
        make_policy("always", always, 0.74),
    )
    return make_report(*policies, recovered=0.75)


def read_text(page: str) -> str:
    body = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def test_the_page_opens_with_the_verdict_in_words() -> None:
    text = read_text(render_replay(make_full_report()))
    for sentence in (
        "nightshift retrained 2 times in 60 days, and 1 of these models took over: roc_auc 0.6800 over 48,000 rows "
        "together, 0.7300 as the mean of the days.",
        "By mean of the days, without retraining 0.7000, retraining every day 0.7400: "
        "nightshift has 75% of that gain with 3.3% of its trainings.",
    ):
        assert sentence in text


def test_where_always_gains_nothing_the_page_says_so() -> None:
    ours, never, always = (make_policy(name, [make_night(0)]) for name in ("nightshift", "never", "always"))
    text = read_text(render_replay(make_report(ours, never, always)))
    assert "nightshift did not retrain in 1 day: roc_auc 0.6500 over 800 rows together, 0.7000 as the mean" in text
    assert "it gains nothing here" in text


@pytest.mark.parametrize(
    ("value", "never", "always", "higher", "share"),
    [
        (0.73, 0.70, 0.74, True, 0.75),
        (0.69, 0.70, 0.74, True, -0.25),
        (450.0, 500.0, 400.0, False, 0.5),
        (450.0, 400.0, 500.0, False, None),
        (0.7, 0.7, 0.7, True, None),
        (None, 0.70, 0.74, True, None),
        (0.73, None, 0.74, True, None),
    ],
)
def test_the_share_of_the_gain_follows_the_metrics_direction(
    value: float | None, never: float | None, always: float | None, higher: bool, share: float | None
) -> None:
    assert words.share_gain(value, never, always, higher) == pytest.approx(share)


def test_every_policy_has_its_row() -> None:
    rows = re.findall(r"<tr[^>]*><th scope=\"row\"[^>]*>(\w+)</th>(.*?)</tr>", render_replay(make_full_report()))
    cells = {name: re.findall(r">([^<]*)</td>", row) for name, row in rows}
    assert cells["nightshift"] == ["0.6800", "0.7300", "75%", "2", "1", "1 h 6 min", "1 min 15 s"]
    assert (cells["never"][2], cells["always"][2]) == ("0%", "100%")


def test_a_first_model_that_the_gate_refused_is_told_first() -> None:
    refused = make_full_report() | {"first_refused": "roc_auc 0.61 is below the floor of 0.65."}
    said = "The gate refused the first model, which starts here all the same: roc_auc 0.61 is below the floor of 0.65."
    assert said in read_text(render_replay(refused))


def test_a_page_needs_nothing_from_elsewhere_and_runs_nothing() -> None:
    page = Tags(render_replay(make_full_report()))
    assert {"svg", "table", "details"} <= {tag for tag, _ in page.tags}
    assert not {"script", "link", "img", "iframe", "object"} & {tag for tag, _ in page.tags}
    assert not {name for _, known in page.tags for name in known if name.startswith("on") or name in ("src", "href")}
    assert "url(http" not in render_replay(make_full_report())


def test_every_picture_has_a_title_and_a_description_and_every_id_is_one_of_a_kind() -> None:
    tags = Tags(render_replay(make_full_report())).tags
    ids = [known["id"] for _, known in tags if "id" in known]
    assert len(ids) == len(set(ids))
    pictures = [known for tag, known in tags if tag == "svg"]
    assert len(pictures) == 3
    for known in pictures:
        named = str(known["aria-labelledby"]).split()
        assert len(named) == 2
        assert set(named) <= set(ids)


def test_hostile_values_are_shown_and_not_run() -> None:
    trained = make_training(decision=HOSTILE, reason=HOSTILE)
    night = make_night(0, reason=HOSTILE, drift_reason=HOSTILE, problem=HOSTILE, drifted=None, trained=trained)
    report = make_report(make_policy(HOSTILE, [night]), pipeline=HOSTILE, title=HOSTILE, metric=HOSTILE)
    report["config"] = {HOSTILE: {HOSTILE: HOSTILE}, **LIMITS}
    for page in (render_replay(report), render_metric_chart(report)):
        assert "<svg onload" not in page
        assert "&lt;svg onload=alert(1)&gt;" in page
    tags = Tags(render_replay(report)).tags
    assert not {name for _, known in tags for name in known if name.startswith("on")}


@pytest.mark.parametrize(
    "nights",
    [
        [],
        [make_night(0)],
        [make_night(at, metric=None, drifted=None, drift_share=None, prediction_score=None) for at in range(3)],
        [make_night(at, champion=None, rows=0, metric=None, problem="no rows") for at in range(40)],
        [make_night(at, trained=make_training(None, False, decision="stopped")) for at in range(2)],
    ],
)
def test_what_is_missing_leaves_a_page_all_the_same(nights: list[dict[str, Any]]) -> None:
    report = make_report(make_policy("nightshift", nights, None))
    assert Tags(render_replay(report)).tags
    assert ET.fromstring(render_metric_chart(report)).tag.endswith("svg")


def test_a_policy_that_looks_at_no_drift_has_no_picture_of_it() -> None:
    nights = [make_night(0, drifted=None, drift_share=None, prediction_score=None, decision="none")]
    report = make_report(make_policy("never", nights))
    assert charts.lay_out_drift(report) is None
    assert "never measured no drift." in read_text(render_replay(report))


def test_trainings_are_marked_by_what_became_of_them() -> None:
    trained = {0: make_training(2), 5: make_training(3, promoted=False), 9: make_training(None, False)}
    report = make_report(make_policy("nightshift", [make_night(at, trained=trained.get(at)) for at in range(10)]))
    (curve,) = charts.lay_out_metric(report)["curves"]
    assert [mark["kind"] for mark in curve["marks"]] == ["promoted", "kept", "failed"]
    shapes = re.findall(r'<path class="(promoted|kept|failed)" d="M[\d.]+ [\d.]+([^"]+)"', render_replay(report))
    assert len(set(shapes)) == 3


def test_one_absurd_night_does_not_flatten_the_others() -> None:
    values = [0.7 + at % 7 / 100 for at in range(200)]
    values[50] = -20.0
    nights = [make_night(at, metric=value) for at, value in enumerate(values)]
    report = make_report(make_policy("nightshift", nights))
    picture = charts.lay_out_metric(report)
    assert picture["outside"] == 1
    assert "of which 1 of nightshift lie outside the picture" in read_text(render_replay(report))
    up = [y for x, y in picture["curves"][0]["dots"] if y <= charts.BOTTOM]
    assert max(up) - min(up) > (charts.BOTTOM - charts.TOP) / 2


def test_the_line_is_the_mean_of_fourteen_nights_and_breaks_where_less_than_half_is_known() -> None:
    values: list[float | None] = [1.0] * 14 + [15.0] + [None] * 20 + [2.0] * 14
    means = charts.smooth(values)
    assert means[5:7] == [None, 1.0]
    assert means[14] == pytest.approx((13 * 1.0 + 15.0) / 14)
    assert means[21:23] == [pytest.approx((6 * 1.0 + 15.0) / 7), None]
    assert means[-1] == 2.0
    up = charts.make_scale(0.0, 15.0, 100.0, 0.0)
    assert len(charts.join_known(range(len(means)), means, up)) == 2


def test_nights_at_the_limit_have_a_ring() -> None:
    shares = [0.1, 0.3, 0.5, None, 0.2]
    report = make_report(make_policy("nightshift", [make_night(at, drift_share=v) for at, v in enumerate(shares)]))
    picture = charts.lay_out_drift(report)
    assert picture is not None
    moved, predictions = picture["panels"]
    assert (len(moved["above"]), len(moved["segments"]), len(predictions["above"])) == (2, 2, 0)
    assert moved["above"][0][1] == moved["limit"]["at"]


def test_the_strip_counts_what_each_night_brought() -> None:
    nights = [
        make_night(0, drifted=True, decision="retrain", trained=make_training()),
        make_night(1, drifted=True),
        make_night(2, drifted=None, drift_reason="unknown: 5 rows"),
        make_night(3, drifted=None, decision="none", problem="no rows"),
    ]
    rows = charts.lay_out_strip(make_report(make_policy("nightshift", nights)))["rows"]
    found = {row["name"]: (row["count"], len(row["runs"])) for row in rows}
    assert found == {"retrain": (1, 1), "wait": (2, 1), "drift": (2, 1), "unknown": (1, 1), "problem": (1, 1)}
    for run in (run for row in rows for run in row["runs"]):
        assert charts.LEFT <= run["x"] <= run["x"] + run["width"] <= charts.RIGHT + 0.2


@pytest.mark.parametrize("nights", [1, 2, 9, 45, 100, 365, 2000])
def test_the_axis_has_a_few_dates_within_the_frame(nights: int) -> None:
    days = charts.choose_days(FIRST, FIRST + timedelta(days=nights - 1))
    assert 1 <= len(days) <= 8
    assert all(FIRST <= day < FIRST + timedelta(days=nights) for day, _ in days)
    assert len({text for _, text in days}) == len(days)


def test_the_chart_as_a_file_stands_alone_on_white() -> None:
    chart = render_metric_chart(make_full_report())
    root = ET.fromstring(chart)
    assert root.find("{http://www.w3.org/2000/svg}rect").attrib["fill"] == "#ffffff"  # type: ignore[union-attr]
    assert "var(" not in chart
    assert root.findtext("{http://www.w3.org/2000/svg}title") == "Late flights: roc_auc, 2017-03-01 to 2017-04-29"


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "—"), (0.0, "0.0 s"), (59.97, "60.0 s"), (61.2, "1 min 1 s"), (7322.0, "2 h 2 min")]
)
def test_durations_are_said_in_the_units_that_matter(seconds: float | None, text: str) -> None:
    assert words.format_seconds(seconds) == text
