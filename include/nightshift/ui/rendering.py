"""Templates -> HTML. Every value is escaped, and a browser runs only the script and style that are hashed here."""

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from nightshift.ui.access import DAG_KINDS
from nightshift.ui.wording import COLUMNS, MODEL_COLUMNS

TEMPLATES = Path(__file__).parent / "templates"
STYLE, SCRIPT = ((TEMPLATES / name).read_text() for name in ("page.css", "page.js"))


def hash_source(source: str) -> str:
    """The source expression by which a Content-Security-Policy allows one inline script or style."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"


CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; script-src {hash_source(SCRIPT)}; style-src {hash_source(STYLE)}; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
# A card is a document out of the lake: it may bring its style and pictures, and do nothing at all.
CARD_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)


def render_page(template: str, **values: Any) -> str:
    """The template with the values, escaped."""
    return make_environment().get_template(template).render(values)


@cache
def make_environment() -> Environment:
    """Jinja with escaping on for every template, whatever its name."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "style": STYLE,
        "script": SCRIPT,
        "columns": COLUMNS,
        "model_columns": MODEL_COLUMNS,
        "kinds": DAG_KINDS,
    }
    return environment
