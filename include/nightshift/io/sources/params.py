"""The values that someone gives for a run, as the Python function gets them."""

import math
from collections.abc import Mapping
from typing import Any

from nightshift.config.model import Parameter
from nightshift.config.names import suggest_name
from nightshift.config.sections.source import SourceSettings
from nightshift.errors import NightshiftError

TRUE, FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


def merge_params(source: SourceSettings, given: Mapping[str, Any]) -> dict[str, Parameter]:
    """The pipeline's params with the given values in place of theirs; NightshiftError for what can't be."""
    merged = dict(source.run_params)
    for name, value in given.items():
        if name not in merged:
            near = suggest_name(name, merged)
            hint = f"did you mean {near!r}?" if near else f"there are: {', '.join(merged) or 'none'}"
            raise NightshiftError(f"{name!r} is not among source.params; {hint}")
        merged[name] = _choose(name, coerce_param(name, value, merged[name]), source)
    return merged


def _choose(name: str, value: Parameter, source: SourceSettings) -> Parameter:
    choices = source.run_choices.get(name)
    if choices is None or value in choices:
        return value
    near = suggest_name(str(value), [str(choice) for choice in choices])
    hint = f"; did you mean {near!r}?" if near else ""
    raise NightshiftError(f"{name}={value!r} is not one of {', '.join(str(choice) for choice in choices)}{hint}")


def coerce_param(name: str, value: Any, default: Parameter) -> Parameter:
    """`value` as the type of `default`; a command line gives text. Without a default it stays what it is."""
    if default is None or type(value) is type(default):
        return _refuse_strange(name, value)
    try:
        if isinstance(default, bool):
            return _parse_bool(value)
        if isinstance(default, int) and not isinstance(value, (bool, float)):
            return int(value)
        if isinstance(default, float) and not isinstance(value, bool):
            return _refuse_strange(name, float(value))
    except (ValueError, TypeError):
        pass
    raise NightshiftError(f"{name}={value!r} is not of the type of its default {default!r} ({type(default).__name__})")


def _parse_bool(value: Any) -> bool:
    text = str(value).strip().lower() if isinstance(value, str) else ""
    if text not in TRUE + FALSE:
        raise ValueError(value)
    return text in TRUE


def _refuse_strange(name: str, value: Any) -> Parameter:
    if value is not None and not isinstance(value, (str, int, float, bool)):
        raise NightshiftError(f"{name}={value!r} must be text, a number, true or false")
    if isinstance(value, float) and not math.isfinite(value):
        raise NightshiftError(f"{name}={value!r} must be a finite number")
    return value
