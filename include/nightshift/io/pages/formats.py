"""How values are written on a page."""

import math
from collections.abc import Callable, Mapping
from typing import Any

UNKNOWN = "—"
DECISIONS = {
    "promote": ("passed the gate", "good"),
    "keep": ("did not pass the gate", "bad"),
    "needs_approval": ("waits for a person", "warn"),
    None: ("not evaluated", "quiet"),
}
VERDICTS = {True: ("passed", "good"), False: ("failed", "bad"), None: ("unclear", "warn")}


def format_number(value: Any) -> str:
    """About four digits that matter, thousands separated; a dash for what is not known."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return _format_float(value) if isinstance(value, float) else str(value)


def _format_float(value: float) -> str:
    if value == int(value):
        return f"{value:,.0f}"
    if abs(value) < 5e-5:
        return f"{value:.2e}"
    # Four digits that matter before and after the point together; never more than four after it.
    return f"{value:,.{min(max(3 - math.floor(math.log10(abs(value))), 0), 4)}f}"


def format_share(value: float | None) -> str:
    """As percent."""
    return UNKNOWN if value is None else f"{value:.1%}" if 0 < value < 0.1 else f"{value:.0%}"


def format_gain(value: float | None) -> str:
    """A difference of metrics, with its sign."""
    if value is None:
        return UNKNOWN
    text = f"{value:+.4f}" if abs(value) < 10 else f"{value:+,.1f}"
    return text.lstrip("+-") if float(text.replace(",", "")) == 0 else text


def format_settings(settings: Mapping[str, Any]) -> str:
    """Parameters as they were given."""
    return ", ".join(f"{name}={value}" for name, value in settings.items())


def format_figures(figures: Mapping[str, Any]) -> str:
    """Names and values on one line; what is empty says nothing."""
    known = {name: value for name, value in figures.items() if value not in ("", None)}
    return ", ".join(f"{name.replace('_', ' ')} {format_number(value)}" for name, value in known.items())


def format_time(text: str | None) -> str:
    """An ISO time to the minute."""
    return UNKNOWN if not text else text[:16].replace("T", " ") + " UTC"


def shorten(text: Any, most: int = 28) -> str:
    """What fits beside a picture; the full text stands in its title or in the table."""
    words = str(text)
    return words if len(words) <= most else f"{words[: most - 1]}…"


FILTERS: dict[str, Callable[..., Any]] = {
    "number": format_number,
    "share": format_share,
    "gain": format_gain,
    "figures": format_figures,
    "settings": format_settings,
    "time": format_time,
    "shorten": shorten,
    "decision": DECISIONS.__getitem__,
    "verdict": VERDICTS.__getitem__,
}
