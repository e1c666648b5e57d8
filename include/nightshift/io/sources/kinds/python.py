"""Rows from a Python function in the pipeline's own folder."""

import inspect
from collections.abc import Callable, Generator, Sequence
from datetime import date
from pathlib import Path

import pyarrow as pa

from nightshift.config.airflow.connections import GetConnection
from nightshift.config.model import Parameter
from nightshift.config.sections.source import PythonSource
from nightshift.errors import NightshiftError
from nightshift.io.runtime.user_code import load_function
from nightshift.io.sources.formats.unreadable import refuse_repeated
from nightshift.io.sources.row_stream import Block


class PythonFunctionSource:
    """Calls the function once per partition."""

    def __init__(self, folder: Path, function: str, params: dict[str, Parameter]) -> None:
        file, _, self._name = function.partition(":")
        self._file, self._params = folder / file, params

    def read_blocks(self, partitions: Sequence[date]) -> Generator[Block]:
        """What the function returns for each of these partitions, as one part; a day is in memory as a whole."""
        function = load_function(self._file, self._name)
        self._check_params(function)
        for day in dict.fromkeys(partitions):
            table = self._call(function, day)
            refuse_repeated(table.column_names, f"{self._where}({day})")
            yield self._where, table

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


def open_function(
    source: PythonSource, folder: Path, get_connection: GetConnection, params: dict[str, Parameter]
) -> PythonFunctionSource:
    """The reader of a pipeline's function, with the params of this run."""
    return PythonFunctionSource(folder, source.function, params)
