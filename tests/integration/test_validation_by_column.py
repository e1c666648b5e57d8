"""A day that is judged column by column comes to the same rows, reasons, figures and bytes as one judged whole."""

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from nightshift.config.loading import load_pipeline
from nightshift.config.pipeline import PipelineConfig
from nightshift.core.batch.late_rows import stack_rows
from nightshift.io.lake.base import ObjectRef, make_key
from nightshift.io.lake.parquet import fetch_table, store_table
from nightshift.io.ledger.entries import NewEntry, begin_attempt, find_entry, write_entry
from nightshift.steps.ingest.validate import validate_partition
from tests.integration.kit import World
from tests.integration.plain_validation import validate_plainly
from tests.kits.pipelines import make_spec, write_pipeline

DAY = date(2026, 1, 5)
BEFORE = DAY - timedelta(days=1)
# Few rows, so that a small day has many groups of them.
GROUP = 64
COLUMNS = {
    "shop": "text",
    "visit": "integer",
    "place": "number",
    "seen_at": "timestamp",
    "spent": "number",
    "rained": "boolean",
    "born": "date",
    "note": "text",
    "late": "number",
    "returned": "integer",
}
SUITE: dict[str, Any] = {
    "max_quarantined_share": 0.99,
    "max_size_ratio": None,
    "may_be_empty": list(COLUMNS),
    "rows": [
        {"expect_column_values_to_be_between": {"column": "spent", "min_value": 0, "max_value": 90}},
        {"expect_column_values_to_match_regex": {"column": "note", "regex": "^[a-h]"}},
        {"expect_column_values_to_not_be_null": {"column": "rained"}},
        {"expect_column_pair_values_a_to_be_greater_than_b": {"column_A": "spent", "column_B": "place"}},
        {"expect_compound_columns_to_be_unique": {"column_list": ["shop", "spent", "born"]}},
        {"expect_column_values_to_be_between": {"column": "spent", "min_value": -1, "max_value": 60}},
    ],
    "batch": [
        {"expect_table_column_count_to_be_between": {"min_value": 10}},
        {"expect_column_to_exist": {"column": "visit", "column_index": 1}},
        {"expect_column_max_to_be_between": {"column": "spent", "max_value": 60}},
    ],
}


def make_config(folder: Path, keys: list[str]) -> PipelineConfig:
    changes = {"columns": COLUMNS, "keys": keys, "schema": {"policy": "evolve"}}
    return load_pipeline(write_pipeline(folder / "pipelines", make_spec(**changes), SUITE))


def draw_day(seed: int, rows: int, day: date = DAY, textual: bool = False) -> pa.Table:
    """Rows with all that can be wrong with them, native or (as from a CSV file) as text; some stand twice."""
    random = np.random.default_rng(seed)

    def pick(values: list[Any], chances: list[float] | None = None) -> list[Any]:
        return [values[number] for number in random.choice(len(values), rows, p=chances)]

    seconds = random.integers(0, 86_400, rows)
    moments = np.datetime64(day, "us") + seconds.astype("timedelta64[s]")
    moments = np.where(random.random(rows) < 0.03, moments + np.timedelta64(1, "D"), moments)
    table = pa.table(
        {
            "note": pa.array([f"{letter}{number}" for number, letter in enumerate(pick([*"abcdefghij"]))]),
            "visit": pa.array([None if value < 2 else int(value) for value in random.integers(0, 6 * rows, rows)]),
            "shop": pa.array(pick(["north", "south", "", None, "é" * 1200], [0.45, 0.45, 0.05, 0.03, 0.02])),
            "place": pa.array(pick([0.0, -0.0, 1.5, 2.5, None, float("nan")], [0.3, 0.3, 0.2, 0.16, 0.02, 0.02])),
            "spent": pa.array(random.gamma(4.0, 8.0, rows).round(1)),
            "seen_at": pa.array(moments),
            "born": pa.array(pick([date(1980, 1, 2), date(1970, 1, 1), None], [0.9, 0.02, 0.08]), pa.date32()),
            "rained": pa.array(pick([True, False, None], [0.49, 0.49, 0.02])),
            "returned": pa.array(random.integers(0, 2, rows)),
            "extra": pa.array([Decimal(f"{number}.5") for number in random.integers(0, 3, rows)]),
            "colour": pa.array(pick(["red", "blue", None])).dictionary_encode(),
            "tags": pa.array([[int(number)] for number in random.integers(0, 3, rows)]),
        }
    )
    if seed % 2:
        table = table.append_column("late", pa.array(random.random(rows)))
    if textual:
        table = table.select([name for name in table.column_names if name in COLUMNS])
        table = pa.table({name: table[name].cast(pa.string()) for name in table.column_names})
        misspelt = ["no number" if number % 29 == 0 else cell for number, cell in enumerate(table["spent"].to_pylist())]
        table = table.set_column(table.column_names.index("spent"), "spent", pa.array(misspelt))
    order = random.permutation(np.r_[np.arange(rows), random.integers(0, rows, rows // 8)])
    return table.take(pa.array(order))


def put(world: World, config: PipelineConfig, kind: Any, day: date, table: pa.Table) -> ObjectRef:
    with world.warehouse.begin() as connection:
        attempt = begin_attempt(connection)
        ref = store_table(world.lake, make_key(kind, config.name, day, attempt.name), table)
        write_entry(connection, config.name, day, NewEntry(kind, attempt, ref), config.config_sha256, "tests")
    return ref


def find_sha256(world: World, kind: str) -> str | None:
    with world.warehouse.begin() as connection:
        entry = find_entry(connection, "shops", DAY, kind)
    return entry.ref.sha256 if entry else None


def check(world: World, config: PipelineConfig, raw: pa.Table, late: pa.Table | None, moved: np.ndarray) -> Any:
    if late is not None:
        late = fetch_table(world.lake, put(world, config, "late", DAY, late))
    ref = put(world, config, "raw", DAY, raw)
    outcome = validate_partition(config, world.resources, DAY, ref)
    raw = fetch_table(world.lake, ref)
    whole = stack_rows([raw, late]) if late is not None else raw
    moved = np.pad(moved, (0, len(whole) - len(raw)))
    expected = validate_plainly(config, DAY, whole, len(whole) - len(raw), moved)
    assert {name: outcome.figures[name] for name in expected.figures} == expected.figures
    bad = store_table(world.lake, "expected/quarantine", expected.quarantine) if len(expected.quarantine) else None
    assert find_sha256(world, "quarantine") == (bad.sha256 if bad else None)
    if outcome.status == "done":
        assert find_sha256(world, "valid") == store_table(world.lake, "expected/valid", expected.valid).sha256
    else:
        assert not len(expected.valid)
    return outcome


@pytest.fixture(autouse=True)
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("parquet", "column_files"):
        monkeypatch.setattr(f"nightshift.io.lake.{module}.ROW_GROUP", GROUP)


@pytest.mark.parametrize(
    ("keys", "seed", "textual"),
    [
        (["visit"], 1, False),
        (["shop", "visit"], 2, True),
        (["place", "note"], 3, False),
        (["place", "note"], 4, True),
        (["born", "shop"], 5, False),  # no row is left
    ],
)
def test_a_day_column_by_column_is_the_day_as_a_whole(
    world: World, tmp_path: Path, keys: list[str], seed: int, textual: bool
) -> None:
    config = make_config(tmp_path, keys)
    raw = draw_day(seed, 300, textual=textual)
    outcome = check(world, config, raw, None, np.zeros(len(raw), dtype=bool))
    assert outcome.figures["repeated"] > 20
    assert outcome.status == ("done" if keys != ["born", "shop"] else "stopped")


@pytest.mark.parametrize("textual", [False, True], ids=["native", "text"])
def test_late_and_moved_rows_are_judged_as_in_a_whole_day(world: World, tmp_path: Path, textual: bool) -> None:
    config = make_config(tmp_path, ["visit"])
    own, strange = draw_day(11, 300), draw_day(12, 40, BEFORE)
    raw = pa.concat_tables([own.slice(0, 100), strange, own.slice(100)], promote_options="default")
    gone = strange.slice(0, 25)
    known = {repr(row) for row in gone.to_pylist()}
    put(world, config, "late", BEFORE, gone)
    moved = np.zeros(len(raw), dtype=bool)
    moved[100 : 100 + len(strange)] = [repr(row) in known for row in strange.to_pylist()]
    late = pa.concat_tables([draw_day(13, 30, textual=textual), draw_day(13, 30, textual=textual).slice(0, 9)])
    outcome = check(world, config, raw, late, moved)
    assert outcome.figures["moved"] > 10 and outcome.status == "done"
