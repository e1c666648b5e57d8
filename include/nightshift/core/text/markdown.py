"""Markdown that holds data: whatever a value says, it is shown as it is, and nothing in it can be clicked."""

import re
from collections.abc import Sequence
from typing import Any

PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
# What a renderer turns into a link although nobody marked it as one. A space without width stops that.
LINK_LIKE = re.compile(r"(?<=:)(?=//)|(?<=\bwww)(?=\.)|(?<=@)(?=\w)", re.IGNORECASE)


def escape(value: Any) -> str:
    """The value as text of one line. CommonMark lets every ASCII punctuation character be escaped by a backslash."""
    text = " ".join(str(value).split())
    return PUNCTUATION.sub(r"\\\1", LINK_LIKE.sub("\u200b", text))


def make_table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A table of GitHub's Markdown; the cells are escaped."""
    lines = [header, ["---"] * len(header), *([escape(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def make_link(text: str, url: str) -> str:
    """A link; `url` is ours, not data."""
    return f"[{escape(text)}](<{url}>)"
