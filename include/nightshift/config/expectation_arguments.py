"""What can be told of an expectation's arguments without Great Expectations, which no DAG file has time to load."""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

# `row_condition` runs what it holds, and hides rows from the check; the others are Nightshift's own to give.
REFUSED = frozenset({"row_condition", "condition_parser", "meta", "id", "result_format", "catch_exceptions"})


def list_argument_problems(arguments: Mapping[str, Any]) -> Iterator[str]:
    """`argument: what is wrong` for each argument that can't be meant."""
    for name, value in arguments.items():
        if name in REFUSED:
            yield f"{name}: is not an argument that can be given here"
        elif not all(_is_finite(item) for item in _walk(value)):
            yield f"{name}: {value!r} must hold finite numbers only"
        elif problem := (CHECKS[name](value) if name in CHECKS else ""):
            yield f"{name}: {str(value)[:100]!r} {problem}"
    low, high = arguments.get("min_value"), arguments.get("max_value")
    if isinstance(low, (int, float)) and isinstance(high, (int, float)) and low > high:
        yield f"min_value: {low} is more than max_value, {high}"


def _walk(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        value = tuple(value.values())
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _walk(item)
    else:
        yield value


def _is_finite(value: Any) -> bool:
    return not isinstance(value, float) or math.isfinite(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _check_column(value: Any) -> str:
    return "" if isinstance(value, str) else "must be the name of a column"


def _check_columns(value: Any) -> str:
    named = isinstance(value, (list, tuple)) and value and all(isinstance(name, str) for name in value)
    return "" if named else "must be a list of columns"


def _check_share(value: Any) -> str:
    return "" if _is_number(value) and 0 <= value <= 1 else "must be a number from 0 to 1"


def _check_set(value: Any) -> str:
    return "" if isinstance(value, (list, tuple)) and value else "must be a list of values, and not empty"


def _check_regex(value: Any) -> str:
    try:
        re.compile(value)
    except (re.error, TypeError, OverflowError, RecursionError) as error:
        return f"is not a regular expression: {error}"
    return ""


def _check_regexes(value: Any) -> str:
    problem = _check_set(value)
    return problem or next(filter(None, map(_check_regex, value)), "")


CHECKS: dict[str, Callable[[Any], str]] = {
    **dict.fromkeys(("column", "column_A", "column_B"), _check_column),
    "column_list": _check_columns,
    "mostly": _check_share,
    "value_set": _check_set,
    "regex": _check_regex,
    "regex_list": _check_regexes,
}
