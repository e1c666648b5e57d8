"""Python sources: the function of that very file, its params, and what goes wrong inside."""

import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from nightshift.config.sections.source import PythonSource
from nightshift.errors import DataUnavailable, NightshiftError
from nightshift.io.sources.params import merge_params
from tests.contract.source_kit import DAYS, read_source

FRAME = "import pandas as pd\nimport pyarrow as pa\n"


def read(folder: Path, code: str, given: dict[str, Any] | None = None, **source: Any) -> pa.Table:
    """Write the code into source.py and read two days from it."""
    (folder / "source.py").write_text(FRAME + code)
    return read_source({"kind": "python", "function": "source.py:read", **source}, folder, DAYS[:2], params=given)


@pytest.mark.parametrize(
    "code",
    [
        "def read(day, rows): return pd.DataFrame({'day': [str(day)] * rows, 'n': range(rows)}, index=[7, 8])",
        "def read(partition, rows): return pa.table({'day': [str(partition)] * rows, 'n': list(range(rows))})",
        "def read(day, **params): return pa.table({'day': pa.array([str(day)] * 2, pa.large_string()), 'n': [0, 1]})",
    ],
)
def test_gives_what_the_function_returns(tmp_path: Path, code: str) -> None:
    """A DataFrame, without its index, or a table; one call per partition."""
    table = read(tmp_path, code, given={"rows": "2"}, params={"rows": 1})
    assert table.to_pylist() == [{"day": f"2017-06-0{day}", "n": n} for day in (1, 2) for n in (0, 1)]
    assert table.schema == pa.schema([("day", pa.string()), ("n", pa.int64())])


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("def raed(partition): ...", r"source\.py has no function 'read'.*did you mean 'raed'"),
        ("read = 5", r"has no function 'read'.*it has: no function"),
        ("def read(partition", r"source\.py can't be loaded: SyntaxError"),
        ("import no_such_module", r"source\.py can't be loaded: ModuleNotFoundError: No module named 'no_such_module'"),
        ("raise SystemExit(3)", "can't be loaded: SystemExit: 3"),
        ("def read(): ...", r"source\.py:read\(\) can't be called with a partition and source\.params \(none\)"),
        (
            "def read(partition, rows): ...",
            r"read\(partition, rows\) can't be called.*missing a required argument: 'rows'",
        ),
        ("def read(partition): return None", "partition 2017-06-01: the function returned NoneType; it must return"),
        ("def read(partition): return [1]", "the function returned list"),
        ("def read(partition): return pd.DataFrame({1: [2]})", "column 1 of the DataFrame has a name that is not text"),
        ("def read(partition): return pd.DataFrame([[1, 2]], columns=['a', 'a'])", "has the column 'a' more than once"),
        (
            "def read(partition): return pa.Table.from_arrays([pa.array([1])] * 2, ['a', 'a'])",
            "'a' appears more than once",
        ),
        ("def read(partition): return pd.DataFrame({'a': [1, 'x']}, dtype=object)", "mixed or unknown types.*column a"),
        ("def read(partition): return pd.DataFrame({'a': [object()]})", "mixed or unknown types.*column a"),
        ("def read(partition): return pd.DataFrame({'a': ['x\\0']})", "column a: holds a NUL byte"),
        (
            "def read(partition): return 1 / 0",
            r"source\.py:read, partition 2017-06-01: .* ZeroDivisionError: division by zero",
        ),
        ("def read(partition): raise SystemExit(0)", "partition 2017-06-01: the function failed with SystemExit"),
    ],
)
def test_what_goes_wrong_is_explained(tmp_path: Path, code: str, message: str) -> None:
    """With the file, the function, the partition and the original message."""
    with pytest.raises(NightshiftError, match=message) as caught:
        read(tmp_path, code)
    assert str(tmp_path) in str(caught.value)


def test_the_functions_own_message_comes_through(tmp_path: Path) -> None:
    """A function may say itself that there is no data."""
    code = "from nightshift.errors import DataUnavailable\ndef read(day): raise DataUnavailable(f'nothing on {day}')"
    with pytest.raises(DataUnavailable, match=r"^nothing on 2017-06-01$"):
        read(tmp_path, code)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """Though a module of that name may be importable."""
    with pytest.raises(NightshiftError, match=rf"{tmp_path}/json\.py does not exist"):
        read(tmp_path, "", function="json.py:loads")


def test_two_pipelines_do_not_see_each_others_files(tmp_path: Path) -> None:
    """Files of one name in two folders are two modules, dataclasses included; sys.path stays as it is."""
    code = (
        "from __future__ import annotations\n{}from dataclasses import dataclass\n@dataclass\nclass Row:\n    n: int\n"
        "def read(partition): return pa.table({{'n': [Row({}).n]}})"
    )
    path = list(sys.path)
    for name, value in (("one", 1), ("two", 2), ("one", 1)):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / "source.py").write_text(code.format(FRAME, value))
        source = {"kind": "python", "function": "source.py:read"}
        assert read_source(source, tmp_path / name, DAYS[:1])["n"].to_pylist() == [value]
    assert sys.path == path
    assert "source" not in sys.modules


# Params

SOURCE = PythonSource(
    kind="python",
    function="source.py:read",
    params={"scenario": "calm", "rows": 10, "share": 0.5, "fast": False, "note": None},
    choices={"scenario": ("calm", "drift", "bad_batch"), "rows": (10, 20)},
)


@pytest.mark.parametrize(
    ("given", "merged"),
    [
        ({}, {}),
        ({"scenario": "drift", "rows": "20"}, {"scenario": "drift", "rows": 20}),
        ({"share": "0.25", "fast": "TRUE", "note": "x"}, {"share": 0.25, "fast": True, "note": "x"}),
        ({"share": 1, "fast": "no", "note": None}, {"share": 1.0, "fast": False, "note": None}),
        ({"rows": 20, "share": 0.1, "fast": True, "note": 3}, {"rows": 20, "share": 0.1, "fast": True, "note": 3}),
    ],
)
def test_params_become_what_their_defaults_are(given: dict[str, Any], merged: dict[str, Any]) -> None:
    """The command line gives text, a form gives values."""
    result = merge_params(SOURCE, given)
    assert result == {**SOURCE.params, **merged}
    assert [type(result[name]) for name in merged] == [type(value) for value in merged.values()]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"scenari": "calm"}, "'scenari' is not among source.params; did you mean 'scenario'"),
        ({"x": "1"}, "'x' is not among source.params; there are: scenario, rows, share, fast, note"),
        ({"scenario": "drfit"}, "scenario='drfit' is not one of calm, drift, bad_batch; did you mean 'drift'"),
        ({"rows": "15"}, "rows=15 is not one of 10, 20"),
        ({"rows": "ten"}, "rows='ten' is not of the type of its default 10"),
        ({"rows": True}, "rows=True is not of the type"),
        ({"rows": 10.5}, "rows=10.5 is not of the type"),
        ({"rows": None}, "rows=None is not of the type"),
        ({"share": "nan"}, "share=nan must be a finite number"),
        ({"share": "x"}, "share='x' is not of the type"),
        ({"fast": "maybe"}, "fast='maybe' is not of the type"),
        ({"fast": 1}, "fast=1 is not of the type"),
        ({"scenario": 1}, "scenario=1 is not of the type"),
        ({"note": ["x"]}, "must be text, a number, true or false"),
    ],
)
def test_params_that_can_not_be_are_refused(given: dict[str, Any], message: str) -> None:
    """With the nearest valid name or value."""
    with pytest.raises(NightshiftError, match=message):
        merge_params(SOURCE, given)


def test_other_sources_take_no_params(tmp_path: Path) -> None:
    """Rather than not heeding them."""
    source = {"kind": "files", "path": "{partition}.csv"}
    with pytest.raises(NightshiftError, match=r"takes no params \(rows\): its source is files"):
        read_source(source, tmp_path, DAYS, params={"rows": 1})
