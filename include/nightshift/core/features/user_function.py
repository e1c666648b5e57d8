"""A pipeline's own build_features: what it returns is joined to the rows by their index, and changes no key."""

import traceback
from collections.abc import Callable, Sequence

import pandas as pd

from nightshift.errors import describe_error

UserFunction = Callable[[pd.DataFrame, pd.DataFrame], pd.DataFrame]


def call_user_function(
    function: UserFunction, rows: pd.DataFrame, history: pd.DataFrame, keys: Sequence[str]
) -> pd.DataFrame:
    """The rows with the columns that the function returned for them; ValueError, with the place, where it can't be.

    The function gets copies. Its own columns replace the rows' of the same name, but for the keys.
    """
    try:
        built = function(rows.copy(), history.copy())
    except (OSError, MemoryError):
        raise
    except (Exception, SystemExit) as error:
        raise ValueError(f"{find_place(function, error)}: {describe_error(error)}") from error
    if problem := find_problem(built, rows, keys):
        raise ValueError(f"{find_place(function)}: build_features {problem}")
    joined = rows.copy()
    for name in built.columns:
        if name not in keys:
            joined[name] = built[name].reindex(rows.index)
    return joined


def find_problem(built: object, rows: pd.DataFrame, keys: Sequence[str]) -> str:
    """Why what was returned can't be joined to the rows; empty where it can."""
    if not isinstance(built, pd.DataFrame):
        return f"returned {type(built).__name__}; it must return a DataFrame with the index of the rows it was given"
    if len(built) != len(rows):
        return f"returned {len(built):,} rows, it was given {len(rows):,}; return one row for each, with its index"
    if built.index.has_duplicates:
        return f"returned the index {built.index[built.index.duplicated()][0]} more than once"
    if not built.index.isin(rows.index).all():
        return "returned rows with another index than those it was given; keep it, after a merge or a sort as well"
    if built.columns.has_duplicates:
        return f"returned the column {built.columns[built.columns.duplicated()][0]!r} more than once"
    return next(filter(None, (_find_changed_key(built, rows, key) for key in keys if key in built)), "")


def _find_changed_key(built: pd.DataFrame, rows: pd.DataFrame, key: str) -> str:
    before, after = rows[key], built[key].reindex(rows.index)
    changed = (before != after) & ~(before.isna() & after.isna())
    if not changed.any():
        return ""
    old, new = before[changed].iloc[0], after[changed].iloc[0]
    return (
        f"changed the key {key!r} of {int(changed.sum()):,} rows, such as {old!r} to {new!r}; keys "
        "and their order can't be changed: leave them out of what is returned, or keep each row's index when sorting"
    )


def find_place(function: UserFunction, error: BaseException | None = None) -> str:
    """The function's file, and the line in it where the error came from, or where the function begins."""
    code = function.__code__ if hasattr(function, "__code__") else None
    file, line = (code.co_filename, code.co_firstlineno) if code else ("features.py", 0)
    frames = traceback.extract_tb(error.__traceback__) if error else []
    inside = [frame.lineno for frame in frames if frame.filename == file]
    return f"{file}:{inside[-1] if inside else line}"
