"""Cards as pages: one self-contained HTML document each."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment

from nightshift.io.pages import make_environment
from nightshift.io.pages.cards import charts

TEMPLATES = Path(__file__).parent / "templates"


def render_html(card: dict[str, Any]) -> str:
    """The card as a page; every value is escaped."""
    return open_templates().get_template(f"{card['card']}.html").render(card=card)


def render_json(card: dict[str, Any]) -> str:
    """The same content; ValueError for a number that JSON does not know."""
    return json.dumps(card, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


@cache
def open_templates() -> Environment:
    """The cards' templates; they draw with charts.py."""
    return make_environment(TEMPLATES, charts=charts)
