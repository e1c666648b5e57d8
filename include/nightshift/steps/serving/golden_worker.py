"""The inside of `check_serving`: what a fresh process makes of an artifact and golden rows, two local files.

Standard input: {"artifact", "name", "golden", "features": {"numeric", "categorical"}, "task", "seed", "predictor": what
the version records, or null}. Standard output: {"problem": text} or {"scores", "seconds", "megabytes", "written_by",
"parity"}: the other version of scikit-learn that wrote the model, or ""; and the tables against the model, or null.
"""

import json
import sys
import time
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any

# Everything that scoring needs, so that what follows is the model's own time and memory.
import numpy as np
import pandas as pd
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.exceptions import InconsistentVersionWarning

from nightshift.config.extensions import load_extensions
from nightshift.core.estimators.kinds import predict_scores
from nightshift.core.predictors import Parity, make_predictor, measure_parity
from nightshift.io.artifacts import UnusableArtifact, read_model

ROWS = 1000
REPEATS = 3


def serve(request: dict[str, Any]) -> dict[str, Any]:
    """Load, predict the golden rows, measure 1,000 rows, then compare with the tables that are to score."""
    # The model, its task and its predictor may be of the project's own kinds.
    load_extensions()
    features = request["features"]
    golden = pq.read_table(request["golden"], columns=[*features["numeric"], *features["categorical"]])
    rows = golden.to_pandas()
    _forget_peak()
    before = _read_memory()
    try:
        model, written_by = _read_model(Path(request["artifact"]), request["name"])
    except UnusableArtifact as error:
        return {"problem": str(error)}
    try:
        scores = predict_scores(model, request["task"], rows)
        seconds = _measure_seconds(model, request["task"], rows)
    except Exception as error:
        writer = f" (written by scikit-learn {written_by})" if written_by else ""
        return {"problem": f"it can't predict the golden rows: {type(error).__name__}: {error}{writer}"}
    if scores.shape != (len(rows),):
        return {"problem": f"it gives scores of shape {scores.shape} for {len(rows)} rows"}
    megabytes = max(0, _read_peak() - before) / 2**20
    measured = {"scores": scores.tolist(), "seconds": seconds, "megabytes": megabytes, "written_by": written_by}
    return {**measured, "parity": _measure_parity(model, golden, request)}


def _measure_parity(model: Any, golden: pa.Table, request: dict[str, Any]) -> dict[str, Any] | None:
    """The tables of the version against the model, as a record; None where it is older than tables."""
    recorded, features = request["predictor"], request["features"]
    if recorded is None:
        return None
    if recorded["kind"] == "native":
        return asdict(Parity.of_native(recorded["reason"]))
    predictor = make_predictor(model, request["task"], features["numeric"], features["categorical"])
    return asdict(measure_parity(predictor, golden, features["numeric"], request["seed"]))


def _read_model(path: Path, name: str) -> tuple[Any, str]:
    """The model, and the version of scikit-learn that wrote it, where that is not this one: it only warns of that."""
    with warnings.catch_warnings(record=True) as notices:
        warnings.simplefilter("always", InconsistentVersionWarning)
        model = read_model(path, name)
    others = (warned.message for warned in notices if isinstance(warned.message, InconsistentVersionWarning))
    return model, next((str(other.original_sklearn_version) for other in others), "")


def _measure_seconds(model: Any, task: Any, rows: pd.DataFrame) -> float:
    """The best of a few, after one to warm up: what other processes take is not the model's."""
    many = rows.iloc[np.resize(np.arange(len(rows)), ROWS)].reset_index(drop=True)
    predict_scores(model, task, many)
    taken = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        predict_scores(model, task, many)
        taken.append(time.perf_counter() - start)
    return min(taken)


def _read_memory() -> int:
    """Resident bytes now."""
    return int(psutil.Process().memory_info().rss)


def _forget_peak() -> None:
    """Let the kernel start counting anew; where it can't, importing the libraries may hide a part of the peak."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def _read_peak() -> int:
    """The most resident bytes so far."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return _read_memory()


if __name__ == "__main__":
    print(json.dumps(serve(json.load(sys.stdin))))  # noqa: T201 - its answer
