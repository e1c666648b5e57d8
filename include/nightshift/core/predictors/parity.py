"""How far tables are from the model that they were made of: on golden rows, and on rows drawn to be awkward."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightshift.core.predictors.columns import NumericColumn
from nightshift.core.predictors.predictor import Kind, Predictor, TablesPredictor

ROWS = 1000
# Of the values of a column that is bent.
SHARE = 0.3
_EXTREMES = (0.0, -0.0, 1.0, -1.0, 5e-324, 1e-300, 2.0**53 + 2, 1e300, -1e300, float(np.finfo(np.float64).max))
_UNSEEN = ("", " ", "nan", "None", "☃", "never seen before")


@dataclass(frozen=True)
class Parity:
    """The largest absolute difference of scores over `rows` rows, and on which kind of rows it was found.

    None and no rows for a native predictor, which is the model itself: `reason` says why it is one.
    """

    kind: Kind
    sha256: str | None
    difference: float | None
    rows: int
    worst: str
    reason: str

    @classmethod
    def of_native(cls, reason: str) -> "Parity":
        """There is nothing to compare."""
        return cls("native", None, None, 0, "", reason)


def measure_parity(predictor: Predictor, golden: pa.Table, numeric: Sequence[str], seed: int) -> Parity:
    """Compare on the golden rows and on ROWS seeded rows of each other kind."""
    if not isinstance(predictor, TablesPredictor):
        return Parity.of_native(predictor.reason)
    differences, rows = {}, 0
    for kind, batch in draw_rows(predictor, golden, numeric, seed):
        fast, native = predictor.predict(batch), predictor.native.predict(batch)
        differences[kind] = measure_difference(fast, native)
        rows += batch.num_rows
    worst = max(differences, key=lambda kind: differences[kind])
    return Parity("tables", predictor.sha256, differences[worst], rows, worst, "")


def measure_difference(fast: np.ndarray, native: np.ndarray) -> float:
    """The largest absolute difference; infinite where only one of two is a number."""
    same = (fast == native) | (np.isnan(fast) & np.isnan(native))
    distance = np.abs(np.where(same, 0.0, fast) - np.where(same, 0.0, native))
    return float(np.where(np.isnan(distance), np.inf, distance).max(initial=0.0))


def draw_rows(
    predictor: TablesPredictor, golden: pa.Table, numeric: Sequence[str], seed: int
) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Each kind of rows: as they are, mixed column by column, and mixed with values that are bent."""
    generator = np.random.default_rng(seed)
    table = golden.combine_chunks()
    yield "golden rows", table.to_batches()[0]
    yield "mixed rows", _mix(table, generator)
    yield "missing values", _bend(_mix(table, generator), table.column_names, lambda name: [None], generator)
    texts = [name for name in table.column_names if _is_text(table[name].type)]
    yield "unseen categories", _bend(_mix(table, generator), texts, lambda name: list(_UNSEEN), generator)
    edges = _list_edges(predictor)
    numbers = [name for name in numeric if pa.types.is_float64(table[name].type)]
    yield "extreme numbers", _bend(_mix(table, generator), numbers, lambda name: edges.get(name, [0.0]), generator)


def _is_text(kind: pa.DataType) -> bool:
    """What pandas writes is large text, what Arrow writes is text."""
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _list_edges(predictor: TablesPredictor) -> dict[str, list[float]]:
    """By column: its thresholds, the numbers beside them, and what lies far away."""
    far = [*_EXTREMES, np.inf, -np.inf] if predictor.tables.takes_infinity else list(_EXTREMES)
    edges = {}
    for column in predictor.tables.columns:
        if isinstance(column, NumericColumn):
            beside = [np.nextafter(column.thresholds, side) for side in (np.inf, -np.inf)]
            edges[column.name] = [*far, *np.concatenate([column.thresholds, *beside]).tolist()]
    return edges


def _mix(table: pa.Table, generator: np.random.Generator) -> pa.RecordBatch:
    """ROWS rows whose values of each column come from rows of their own."""
    drawn = [
        column.combine_chunks().take(pa.array(generator.integers(0, len(column), ROWS))) for column in table.columns
    ]
    return pa.RecordBatch.from_arrays(drawn, names=table.column_names)


def _bend(
    batch: pa.RecordBatch, names: Sequence[str], list_values: Callable[[str], list[Any]], generator: np.random.Generator
) -> pa.RecordBatch:
    """Some values of each of the columns are replaced by one of a list."""
    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
    for name in names:
        column, values = columns[name], pa.array(list_values(name), columns[name].type)
        drawn = values.take(pa.array(generator.integers(0, len(values), len(column))))
        columns[name] = pc.if_else(pa.array(generator.random(len(column)) < SHARE), drawn, column)
    return pa.RecordBatch.from_pydict(columns)
