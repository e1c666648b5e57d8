"""What all written pages share: self-contained HTML, without script and without anything from elsewhere."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from nightshift.io.pages.formats import FILTERS

SHARED = Path(__file__).parent / "templates"


def make_environment(templates: Path, **known: Any) -> Environment:
    """Jinja over `templates` and the shared ones, with escaping on for each, whatever its name.

    The templates see `style`, the pages' style sheet, and `known`.
    """
    environment = Environment(
        loader=FileSystemLoader([templates, SHARED]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= FILTERS
    environment.globals |= {"style": (SHARED / "page.css").read_text(), **known}
    return environment
