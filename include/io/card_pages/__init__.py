"""Cards as pages: one self-contained HTML document each, without script and without anything from elsewhere."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from include.io.card_pages import charts
from include.io.card_pages.formats import FILTERS

FOLDER = Path(__file__).parent


def render_html(card: dict[str, Any]) -> str:
    """The card as a page; every value is escaped."""
    return make_environment().get_template(f"{card['card']}.html").render(card=card)


def render_json(card: dict[str, Any]) -> str:
    """The same content; ValueError for a number that JSON does not know."""
    return json.dumps(card, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


@cache
def make_environment() -> Environment:
    """Jinja with escaping on for every template, whatever its name."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= FILTERS
    environment.globals |= {"style": (FOLDER / "templates" / "card.css").read_text(), "charts": charts}
    return environment
