"""What may go: objects that nothing points at, and those that only history still points at, past their time."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

# An object of a training set is named by no table: the run that made it hands it on.
HANDED_ON = "training"


class Found(NamedTuple):
    """One object of the lake: `born` is the later of what its name says and what the store says."""

    key: str
    uri: str
    kind: str
    pipeline: str
    partition: str
    size: int
    born: datetime


class Limits(NamedTuple):
    """How long what nothing points at is kept, by what it is."""

    grace: timedelta
    superseded: timedelta
    training_sets: timedelta


class Doomed(NamedTuple):
    """An object that may go, and why: `orphan` or `superseded`."""

    found: Found
    why: str


def list_referrers(references: Iterable[tuple[str | None, datetime | None]]) -> dict[str, datetime | None]:
    """Key -> None where something holds it, otherwise when history last let go of it.

    `references` are keys with the time at which they were replaced; None: they were not.
    """
    held: dict[str, datetime | None] = {}
    for key, replaced_at in references:
        if key is None:
            continue
        known = held.get(key, replaced_at)
        held[key] = None if known is None or replaced_at is None else max(known, replaced_at)
    return held


def choose_garbage(
    objects: Iterable[Found], held: Mapping[str, datetime | None], limits: Limits, now: datetime
) -> list[Doomed]:
    """The objects that may go. Whatever is younger than the grace stays, whoever points at it."""
    reasons = ((found, _find_reason(found, held, limits, now)) for found in objects)
    return [Doomed(found, why) for found, why in reasons if why]


def _find_reason(found: Found, held: Mapping[str, datetime | None], limits: Limits, now: datetime) -> str | None:
    if found.key not in held:
        patience = max(limits.grace, limits.training_sets) if found.kind == HANDED_ON else limits.grace
        return "orphan" if now - found.born > patience else None
    replaced_at = held[found.key]
    if replaced_at is None or now - found.born <= limits.grace:
        return None
    return "superseded" if now - replaced_at > max(limits.grace, limits.superseded) else None
