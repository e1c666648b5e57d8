"""Which version a rollback leads to."""

from collections.abc import Sequence


def find_previous(history: Sequence[tuple[str, int]]) -> int | None:
    """The champion before the present one; None where there is none.

    `history` is every promotion as (kind, version), oldest first. Promotions pile up, and a rollback takes away what
    lies above the version that it leads to. So a second rollback in a row goes one further back instead of returning
    to the version that was just left.

    >>> find_previous([("gate", 1), ("gate", 2), ("manual", 3)])
    2
    """
    pile: list[int] = []
    for kind, version in history:
        if kind == "rollback" and version in pile:
            while pile[-1] != version:
                pile.pop()
        elif pile[-1:] != [version]:
            pile.append(version)
    return pile[-2] if len(pile) > 1 else None
