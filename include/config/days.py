"""How a day is written: in partition keys, in forms and on the command line."""

from datetime import date


def parse_day(text: str) -> date:
    """The day that `text` names; ValueError unless it is written as 2026-11-20: a second spelling is one too many."""
    found = date.fromisoformat(text)
    if found.isoformat() != text:
        raise ValueError(f"{text!r} is not written as {found.isoformat()}")
    return found
