"""The fields of pipeline.yaml that had another name in 0.1; the old names are accepted until 0.3."""

from collections.abc import Iterator
from typing import Any

LAST = "0.3"
# By section, an entry of a list being a section like the others: the name in 0.1, and the one that it has now.
RENAMED: dict[str, dict[str, str]] = {
    "label": {
        "at_least": "positive_from",
        "available_after": "available_after_days",
        "revised_for": "revised_for_days",
    },
    "features": {"lookback": "lookback_days"},
    "features.derived": {"at_least": "share_from"},
    "training": {"window": "window_days", "holdout": "holdout_days", "search_every": "search_every_days"},
    "drift": {"window": "window_days"},
    "retrain": {
        "nights": "min_drifted_runs",
        "of": "recent_runs",
        "max_age": "max_age_days",
        "cooldown": "cooldown_days",
        "backoff": "cooldown_factor",
        "longest_cooldown": "max_cooldown_days",
        "expires": "expires_hours",
    },
    "retrain.performance": {"window": "window_days"},
    "alerts": {"champion_days": "stale_after_days", "night_hours": "missed_after_hours"},
}


def rename_fields(value: Any, section: str = "") -> Any:
    """The content of a pipeline.yaml with every old name replaced, unless the new one is given as well."""
    if isinstance(value, (list, tuple)):
        return type(value)(rename_fields(item, section) for item in value)
    if not isinstance(value, dict):
        return value
    names = {old: new for old, new in RENAMED.get(section, {}).items() if new not in value}
    return {names.get(key, key): rename_fields(inner, _join(section, key)) for key, inner in value.items()}


def list_old_names(value: Any, location: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where the content has a field under its old name."""
    if isinstance(value, (list, tuple)):
        for position, item in enumerate(value):
            yield from list_old_names(item, (*location, position))
    elif isinstance(value, dict):
        for key, inner in value.items():
            if find_new_name((*location, key)):
                yield (*location, key)
            yield from list_old_names(inner, (*location, key))


def find_new_name(location: tuple[str | int, ...]) -> str | None:
    """What the field at this place is called now, where it has its old name."""
    return RENAMED.get(_name_section(location), {}).get(str(location[-1])) if location else None


def find_old_location(location: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """The same place, with the old name of its field."""
    old = {new: name for name, new in RENAMED.get(_name_section(location), {}).items()}
    return (*location[:-1], old.get(str(location[-1]), location[-1]))


def _name_section(location: tuple[str | int, ...]) -> str:
    return ".".join(part for part in location[:-1] if isinstance(part, str))


def _join(section: str, key: object) -> str:
    return f"{section}.{key}" if section else str(key)
