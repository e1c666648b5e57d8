"""Rows from a Python function in the pipeline's own folder."""

import importlib.util
import inspect
import sys
from collections.abc import Callable, Sequence
from datetime import date
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import cast

import pyarrow as pa

from include.config.names import suggest_name
from include.config.pipeline import Parameter
from include.errors import NightshiftError
from include.io.sources.table import finish_table, join_tables


class PythonFunctionSource:
    """Calls the function once per partition."""

    def __init__(self, folder: Path, function: str, params: dict[str, Parameter]) -> None:
        file, _, self._name = function.partition(":")
        self._file, self._params = folder / file, params

    def read(self, partitions: Sequence[date]) -> pa.Table:
        """What the function returns for each of these partitions."""
        function = load_function(self._file, self._name)
        self._check_params(function)
        parts = [(f"{self._where}({day})", self._call(function, day)) for day in dict.fromkeys(partitions)]
        return finish_table(join_tables(parts, ()), self._where)

    @property
    def _where(self) -> str:
        return f"{self._file}:{self._name}"

    def _check_params(self, function: Callable[..., object]) -> None:
        try:
            inspect.signature(function).bind(date.min, **self._params)
        except TypeError as error:
            raise NightshiftError(
                f"{self._where}{inspect.signature(function)} can't be called with a partition and "
                f"source.params ({', '.join(self._params) or 'none'}): {error}"
            ) from error

    def _call(self, function: Callable[..., object], partition: date) -> pa.Table:
        where = f"{self._where}, partition {partition}"
        try:
            result = function(partition, **self._params)
        except NightshiftError:
            raise
        except (Exception, SystemExit) as error:
            raise NightshiftError(f"{where}: the function failed with {type(error).__name__}: {error}") from error
        return make_table(result, where)


def make_table(result: object, where: str) -> pa.Table:
    """A data frame or table as a table; NightshiftError for anything else."""
    if isinstance(result, pa.Table):
        return result
    import pandas as pd  # only for functions that use it: it takes a second to import

    if not isinstance(result, pd.DataFrame):
        raise NightshiftError(
            f"{where}: the function returned {type(result).__name__}; "
            "it must return a pandas DataFrame or a pyarrow Table"
        )
    if wrong := [name for name in result.columns if not isinstance(name, str)]:
        raise NightshiftError(f"{where}: column {wrong[0]!r} of the DataFrame has a name that is not text")
    if not result.columns.is_unique:
        repeated = sorted(set(result.columns[result.columns.duplicated()]))
        raise NightshiftError(f"{where}: the DataFrame has the column {repeated[0]!r} more than once")
    try:
        return pa.Table.from_pandas(result, preserve_index=False)
    except (pa.ArrowException, TypeError, OverflowError, UnicodeError) as error:
        detail = "; ".join(str(part) for part in reversed(error.args))
        raise NightshiftError(f"{where}: the DataFrame has values of mixed or unknown types: {detail}") from error


def load_function(file: Path, name: str) -> Callable[..., object]:
    """The function of that name in that very file; NightshiftError where it can't be had."""
    if not file.is_file():
        raise NightshiftError(f"{file} does not exist, but source.function names it")
    module = load_module(file)
    function = getattr(module, name, None)
    if not callable(function):
        known = [key for key, value in vars(module).items() if inspect.isfunction(value)]
        near = suggest_name(name, known)
        hint = f"did you mean {near!r}?" if near else f"it has: {', '.join(sorted(known)) or 'no function'}"
        raise NightshiftError(f"{file} has no function {name!r}, which source.function names; {hint}")
    return cast(Callable[..., object], function)


def load_module(file: Path) -> ModuleType:
    """The file as a module under a name of its own, so that two pipelines never see each other's files."""
    name = f"nightshift_pipeline_{file.stem}_{sha256(str(file).encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise NightshiftError(f"{file} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up there
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise NightshiftError(f"{file} can't be loaded: {type(error).__name__}: {error}") from error
    return module
