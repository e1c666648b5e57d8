"""Content that can't be used, and how it is named."""

from collections import Counter
from collections.abc import Sequence

from nightshift.errors import NightshiftError


class UnreadableSource(NightshiftError):
    """The source is there, but its content is broken; nothing of it is used."""


def show_name(name: object) -> str:
    """A file's or column's name for a message: control characters are escaped."""
    text = str(name)
    return text if text.isprintable() else repr(text)


def refuse_repeated(columns: Sequence[str], where: str) -> None:
    """UnreadableSource where a column appears twice."""
    repeated = sorted(name for name, count in Counter(columns).items() if count > 1)
    if repeated:
        names = ", ".join(repr(name[:80]) for name in repeated[:5])
        raise UnreadableSource(f"{where}: column {names} appears more than once, so it is unclear which one counts")
