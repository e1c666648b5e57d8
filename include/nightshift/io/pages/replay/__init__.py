"""A replay's report as a self-contained page, and its first picture as a file of its own."""

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment

from nightshift.io.pages import make_environment
from nightshift.io.pages.replay import charts
from nightshift.io.pages.replay import labels as words

TEMPLATES = Path(__file__).parent / "templates"


def render_replay(report: dict[str, Any]) -> str:
    """The page of a report (see core/replay_report.py for its shape); every value is escaped."""
    return open_templates().get_template("replay.html").render(report=report)


def render_metric_chart(report: dict[str, Any]) -> str:
    """The metric over time as an SVG file with a white ground and fixed colours, readable on any page."""
    return open_templates().get_template("metric.svg").render(report=report)


@cache
def open_templates() -> Environment:
    """The replay's templates; they draw with charts.py and speak with words.py."""
    return make_environment(TEMPLATES, charts=charts, words=words)
