"""What a person is shown who decides about a promotion, and that data in it stays data."""

import re
from typing import Any

import pytest
from markdown_it import MarkdownIt

from nightshift.core.gate.approval_request import Described, write_body, write_subject
from nightshift.core.text.markdown import escape, make_link, make_table

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "a | b",
    "[click](http://evil.example)",
    "see https://evil.example or www.evil.example or me@evil.example",
    "**bold** _it_ `code` ~~gone~~ \\ &lt; &amp;",
    "# heading",
    "1. one",
    "![pixel](http://evil.example/x.png)",
]
FIGURES = {"candidate": 0.81, "champion": 0.8, "gain": 0.01, "gain_low": -0.002, "gain_high": 0.022, "confidence": 0.9}
SLICES = [
    {"slice": "few", "rows": 7, "gain": None, "verdict": "not evaluated", "reason": "7 rows"},
    {"slice": "good", "rows": 300, "gain": 0.02, "gain_low": 0.01, "gain_high": 0.03, "verdict": "no worse"},
    {"slice": "plan = <b>gold</b>", "rows": 2100, "candidate": 0.7, "champion": 0.731, "gain": -0.031}
    | {"gain_low": -0.04, "gain_high": -0.02, "verdict": "worse"},
]
JUDGED: dict[str, Any] = {
    "decision": "needs_approval",
    "reason": "champion: unclear",
    "champion_version": 3,
    "rules": [
        {"name": "floor", "passed": True, "figures": {"candidate": 0.81}, "reason": "good enough"},
        {"name": "baseline", "passed": True, "figures": {"gain": 0.31}, "reason": "better"},
        {"name": "champion", "passed": None, "figures": FIGURES, "reason": "can't be told"},
        {
            "name": "slices",
            "passed": False,
            "figures": {"confidence": 0.9, "slices": SLICES},
            "reason": "worse in one slice",
        },
    ],
}
CANDIDATE = Described(5, {"roc_auc": 0.81, "baseline": {"roc_auc": 0.5}}, {"estimator": "logistic", "code": "abc"})
CHAMPION = Described(3, {}, {"estimator": "random_forest", "code": "abc"})


def render(markdown: str) -> str:
    """As a renderer of GitHub's Markdown that lets raw HTML and bare links through."""
    return str(MarkdownIt("gfm-like", {"html": True, "linkify": True}).render(markdown))


@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_is_shown_as_it_is_and_does_nothing(value: str) -> None:
    html = render(make_table(("name", "why"), [(value, "x")]) + "\n\n" + escape(value))
    for tag in ("<script", "<img", "<a ", "<strong", "<em", "<code", "<s>", "<h1", "<ol", "<b>"):
        assert tag not in html
    assert html.count("<td>") == 2
    shown = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert html.replace("\u200b", "").count(shown) == 2


@pytest.mark.parametrize("value", HOSTILE)
def test_nothing_in_a_value_looks_like_a_link_to_a_renderer_that_searches_the_text(value: str) -> None:
    """Airflow's searches it after the escapes are gone."""
    assert re.search(r"https?://|www\.\w|\w@\w", escape(value).replace("\\", "")) is None


def test_a_value_of_many_lines_stays_in_its_cell() -> None:
    html = render(make_table(("name",), [("one\n\n# two\r\n| three",)]))
    assert "<td>one # two | three</td>" in html


def test_our_own_links_can_be_clicked() -> None:
    assert '<a href="http://localhost:8080/x?y=a%20b">' in render(make_link("Card", "http://localhost:8080/x?y=a%20b"))


def test_the_request_says_why_and_shows_every_rule_and_every_slice() -> None:
    html = render(write_body("roc_auc", JUDGED, CANDIDATE, CHAMPION, ["[Run](<http://here/run>)"]))
    assert "Why you are asked:</strong> champion: unclear" in html
    for cell in ("candidate", "0.8100", "naive baseline", "0.5000", "+0.3100", "0.8000"):
        assert f"<td>{cell}</td>" in html
    assert "<td>+0.0100 (90% interval -0.0020 to +0.0220)</td>" in html
    for rule, verdict, why in (
        ("floor", "passed", "good enough"),
        ("champion", "unclear", "can't be told"),
        ("slices", "failed", "worse in one slice"),
    ):
        assert f"<td>{rule}</td>\n<td>{verdict}</td>\n<td>{why}</td>" in html
    worst = ("plan = &lt;b&gt;gold&lt;/b&gt;", "2,100", "0.7000", "0.7310", "-0.0310 (90% interval -0.0400 to -0.0200)")
    assert "\n".join(f"<td>{cell}</td>" for cell in (*worst, "worse")) in html
    assert html.index("gold") < html.index("<td>good</td>") < html.index("<td>not evaluated: 7 rows</td>")
    assert '<a href="http://here/run">' in html


def test_a_request_stays_short_enough_to_be_read() -> None:
    slices = [{**SLICES[0], "slice": f"s{number}"} for number in range(35)]
    rules = [{"name": "slices", "passed": True, "figures": {"slices": slices}, "reason": ""}]
    body = write_body("roc_auc", {**JUDGED, "rules": rules}, CANDIDATE, CHAMPION, [])
    assert body.count("not evaluated") == 30
    assert "… and 5 more" in body


def test_candidate_and_champion_stand_side_by_side() -> None:
    html = render(write_body("roc_auc", JUDGED, CANDIDATE, CHAMPION, []))
    assert "<th>version 5 (candidate)</th>\n<th>version 3 (champion)</th>" in html
    assert "<td>estimator</td>\n<td>logistic</td>\n<td>random_forest</td>" in html


def test_the_first_model_ever_is_compared_with_nobody() -> None:
    rules = [
        {"name": "champion", "passed": True, "figures": {"champion": None}, "reason": "there is no champion yet"},
    ]
    html = render(write_body("roc_auc", {**JUDGED, "rules": rules, "champion_version": None}, CANDIDATE, None, []))
    assert "(champion)" not in html
    assert "<td>champion</td>\n<td>0." not in html
    assert write_subject("churn", 5, None) == "churn: may version 5 take over?"
    assert write_subject("churn", 5, 3) == "churn: may version 5 take over instead of version 3?"


def test_figures_that_are_not_known_are_a_dash() -> None:
    html = render(write_body("roc_auc", JUDGED, Described(5, {"roc_auc": None}, {}), None, []))
    assert "<td>candidate</td>\n<td>–</td>" in html
