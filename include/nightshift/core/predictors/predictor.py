"""A model that predicts Arrow batches."""

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import numpy as np
import pyarrow as pa

from nightshift.core.estimators.kinds import predict_scores
from nightshift.core.predictors.columns import NumericColumn, TextColumn, UnknownType, find_categories, read_numbers
from nightshift.core.predictors.lookup_tables import Tables, build_tables
from nightshift.core.predictors.trees import Unsupported
from nightshift.core.training.calibration import CalibratedClassifier, correct_scores
from nightshift.extension.tasks import find_task

Kind = Literal["tables", "native"]
# So many rows at once: their bins stay in the processor's cache.
BLOCK_ROWS = 16_384


class Predictor(Protocol):
    """One interface for every model. Any number of threads may use one predictor at the same time."""

    @property
    def kind(self) -> Kind:
        """What predicts."""

    @property
    def sha256(self) -> str | None:
        """Of the tables; None where there are none."""

    @property
    def reason(self) -> str:
        """Why there are no tables; empty where there are."""

    @property
    def not_kept(self) -> str:
        """Why what was compiled can't be kept for the next process; mostly empty."""

    def predict(self, batch: pa.RecordBatch) -> np.ndarray:
        """float64 of shape (rows,), as `predict_scores` gives it. The batch may have more columns than the model."""


class NativePredictor:
    """The model itself."""

    kind: Kind = "native"
    sha256 = None
    not_kept = ""

    def __init__(self, model: Any, task: str, features: Sequence[str], reason: str) -> None:
        self._model = model
        self._task = task
        self._features = list(features)
        self.reason = reason

    def predict(self, batch: pa.RecordBatch) -> np.ndarray:
        """As `predict_scores`; nothing for no rows."""
        if not batch.num_rows:
            return np.empty(0)
        columns = [_decode(batch.column(name)) for name in self._features]
        frame = pa.RecordBatch.from_arrays(columns, names=self._features).to_pandas()
        return predict_scores(self._model, self._task, frame)


class TablesPredictor:
    """Boosted trees as tables; a batch with a column of a type that they don't know goes to the model itself."""

    kind: Kind = "tables"
    reason = ""

    def __init__(self, native: NativePredictor, tables: Tables, model: Any, task: str, kernel: Any) -> None:
        self.tables = tables
        self.sha256 = tables.compute_sha256()
        self.not_kept: str = next(iter(kernel.not_kept), "")
        self.native = native
        self._model = model
        self._task = task
        self._kernel = kernel

    def predict(self, batch: pa.RecordBatch) -> np.ndarray:
        """As `predict_scores`, with the trees' values added in the same order."""
        try:
            sums = [self._add(batch.slice(first, BLOCK_ROWS)) for first in range(0, batch.num_rows, BLOCK_ROWS)]
        except UnknownType:
            return self.native.predict(batch)
        return self._finish(np.concatenate(sums)) if sums else np.empty(0)

    def _add(self, batch: pa.RecordBatch) -> np.ndarray:
        tables, rows = self.tables, batch.num_rows
        abreast = rows + -rows % self._kernel.ABREAST
        # What is too much has the first bins: their leaves are summed up and dropped.
        ranks = np.zeros((len(tables.columns), abreast), dtype=np.uint16)
        for column, row in zip(tables.columns, ranks, strict=True):
            self._rank(column, batch.column(column.name), row[:rows])
        sums = np.full(abreast, tables.baseline)
        self._kernel.add_leaves(
            ranks, tables.starts, tables.masks, tables.leaves, tables.first_words, tables.blocks, sums
        )
        return sums[:rows]

    def _rank(self, column: NumericColumn | TextColumn, values: pa.Array, ranks: np.ndarray) -> None:
        if isinstance(column, TextColumn):
            ranks[:] = find_categories(values, column.categories)
            return
        numbers = read_numbers(values)
        if not self.tables.takes_infinity and np.isinf(numbers).any():
            raise UnknownType("infinite numbers, which the model itself refuses")
        grid = column.grid
        self._kernel.rank_values(numbers, column.thresholds, grid.low, grid.scale, grid.cells, column.bins - 1, ranks)

    def _finish(self, sums: np.ndarray) -> np.ndarray:
        """From the trees' scale to scores, by the model's own link and correction."""
        pipeline = _unwrap(self._model)
        scores = find_task(self._task).finish_sums(pipeline[-1], sums)
        if isinstance(self._model, CalibratedClassifier):
            return correct_scores(self._model.method, self._model.calibrator, scores)
        return scores


def make_predictor(model: Any, task: str, numeric: Sequence[str], categorical: Sequence[str]) -> Predictor:
    """Tables where the model is boosted trees and numba is there; otherwise the model itself, and why."""
    features = [*numeric, *categorical]
    try:
        tables = build_tables(_unwrap(model), numeric, categorical)
        kernel = _load_kernel()
        return TablesPredictor(NativePredictor(model, task, features, ""), tables, model, task, kernel)
    except Unsupported as error:
        return NativePredictor(model, task, features, str(error))
    except Exception as error:  # whatever it is, the model itself can predict
        return NativePredictor(model, task, features, f"tables can't be made: {type(error).__name__}: {error}")


def _decode(column: pa.Array) -> pa.Array:
    """Texts as the model has learned them, instead of pandas' categories."""
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _unwrap(model: Any) -> Any:
    """The pipeline inside of a calibrated classifier."""
    if not isinstance(model, CalibratedClassifier):
        return model
    if list(model.classes_) != [0.0, 1.0]:
        raise Unsupported("the correction is for the second of two classes")
    return model.model


def _load_kernel() -> Any:
    try:
        from nightshift.core.predictors import kernel
    except ImportError as error:
        raise Unsupported(f"numba can't be imported: {error}") from error
    return kernel
