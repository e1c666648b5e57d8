"""Whether a version can be served: its artifact, loaded by a fresh process, gives the scores that were recorded."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from nightshift.config.pipeline import PipelineConfig
from nightshift.config.project import COMMAND
from nightshift.core.features.sampling import sample_rows
from nightshift.core.gate.evidence import Served
from nightshift.core.gate.serving import MAX_DIFFERENCE
from nightshift.core.predictors import Parity
from nightshift.errors import NightshiftError, TemporarilyUnavailable
from nightshift.io.lake.base import ObjectRef, fetch_verified, make_attempt_id
from nightshift.io.lake.parquet import store_table
from nightshift.io.registry import ModelVersion
from nightshift.io.resources import Resources
from nightshift.io.runtime.subprocess_runner import Answer, Limits, run_isolated
from nightshift.io.runtime.temp_files import open_temporary_folder

GOLDEN_ROWS = 500
SCORE = "__score"
WORKER = "nightshift.steps.serving.golden_worker"
# For starting Python, its libraries and a large model; serving itself is measured inside.
SECONDS = 120.0
# Resident memory of Python and its libraries, before any model.
LIBRARIES_MEGABYTES = 1024


def store_golden(config: PipelineConfig, resources: Resources, rows: pd.DataFrame, predicted: np.ndarray) -> ObjectRef:
    """A seeded sample of held-out rows with their scores, in the column `__score`: what serving must reproduce.

    `predicted` is of shape (rows,).
    """
    chosen = sample_rows(len(rows), GOLDEN_ROWS, config.spec.training.seed)
    golden = rows.iloc[chosen].assign(**{SCORE: predicted[chosen]})
    table = pa.Table.from_pandas(golden, preserve_index=False)
    return store_table(resources.lake, f"models/{config.name}/golden/{make_attempt_id()}.parquet", table)


def check_serving(config: PipelineConfig, resources: Resources, version: ModelVersion, fresh: bool = True) -> Served:
    """Load the version in a fresh process and predict its golden rows; whatever goes wrong is its `problem`.

    Without `fresh` in this process, for models that it has just fitted itself.

    A version without golden rows is tried on rows that it was trained on; then `difference` is None.
    """
    with open_temporary_folder() as folder:
        try:
            artifact = fetch_verified(resources.lake, version.artifact, folder / "model.skops")
            golden = _fetch_golden(resources, version, folder / "golden.parquet")
        except TemporarilyUnavailable:
            raise
        except (NightshiftError, pa.ArrowException) as error:
            return Served(str(error))
        recorded = golden.column(SCORE).to_numpy() if SCORE in golden.column_names else None
        missing = [feature for feature in version.feature_names if feature not in golden.column_names]
        if missing or not golden.num_rows:
            return Served(f"it needs {', '.join(missing) or 'a row'}, which its golden rows don't have")
        request = {
            "artifact": str(artifact),
            "name": version.artifact.uri,
            "golden": str(folder / "golden.parquet"),
            "features": version.features,
            "seed": config.spec.training.seed,
            "predictor": version.predictor,
            "task": config.spec.task,
        }
        answer = run_isolated(WORKER, request, _choose_limits(config)) if fresh else _serve_here(request)
    if answer.problem:
        return Served(answer.problem, rows=golden.num_rows)
    report = _compare(answer.value, recorded, golden.num_rows)
    return replace(report, recorded=(version.predictor or {}).get("sha256"))


def require_servable(config: PipelineConfig, resources: Resources, version: ModelVersion) -> None:
    """NightshiftError unless a fresh process can serve the version; for whoever promotes or rolls back by hand."""
    report = check_serving(config, resources, version)
    problem = report.problem
    if not problem and report.difference is not None and report.difference > MAX_DIFFERENCE:
        problem = f"its scores of the golden rows differ from the recorded ones by up to {report.difference:.3g}"
    if not problem and report.parity and (report.parity.difference or 0) > MAX_DIFFERENCE:
        problem = f"its tables give other scores than the model itself, by up to {report.parity.difference:.3g}"
    if problem:
        raise NightshiftError(
            f"{config.name}: version {version.version} can't be promoted: {problem}. Choose another version: "
            f"{COMMAND} models {config.name}"
        )


def _serve_here(request: dict[str, Any]) -> Answer:
    from nightshift.steps.serving.golden_worker import serve

    return Answer(serve(request))


def _choose_limits(config: PipelineConfig) -> Limits:
    """Twice the budget, so that a model that is merely too large is measured and refused with its figures."""
    return Limits(SECONDS, LIBRARIES_MEGABYTES + 2 * config.spec.gate.serving.megabytes)


def _fetch_golden(resources: Resources, version: ModelVersion, path: Path) -> pa.Table:
    """The golden rows, or where there are none the first ones of the reference sample; left in `path`."""
    fetch_verified(resources.lake, version.golden or version.reference, path)
    table = pq.read_table(path, memory_map=False)
    if version.golden is None:
        table = table.slice(0, GOLDEN_ROWS)
        pq.write_table(table, path)
    return table


def _compare(answer: dict[str, Any], recorded: np.ndarray | None, rows: int) -> Served:
    if answer.get("problem"):
        return Served(str(answer["problem"]), rows=rows)
    scores = np.asarray(answer["scores"], dtype=np.float64)
    parity = Parity(**answer["parity"]) if answer["parity"] else None
    report = Served(seconds=answer["seconds"], megabytes=answer["megabytes"], rows=rows, parity=parity)
    unusable = int((~np.isfinite(scores)).sum())
    if unusable:
        return replace(report, problem=f"it gives no finite score for {unusable} of {rows} golden rows")
    difference = None if recorded is None else float(np.abs(scores - recorded).max())
    return replace(report, difference=difference, problem=_doubt_writer(answer["written_by"], difference))


def _doubt_writer(written_by: str, difference: float | None) -> str:
    """Another version of scikit-learn may read a model differently: only equal scores show that this one doesn't."""
    if not written_by or (difference is not None and difference <= MAX_DIFFERENCE):
        return ""
    found = (
        "no recorded scores show that it still gives the same"
        if difference is None
        else f"its scores of the golden rows differ from the recorded ones by up to {difference:.3g}"
    )
    return f"it was written by scikit-learn {written_by}, which is not installed here, and {found}"
