"""Features become scores as a stream: row groups are decoded and predicted ahead, on all cores, and leave in order."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import asdict
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa

from nightshift.config.pipeline import PipelineConfig
from nightshift.core.predictors import Predictor
from nightshift.extension.tasks import find_task
from nightshift.io.lake.parquet import Reading, fetch_unverified, map_groups, read_schema
from nightshift.io.registry import ModelVersion
from nightshift.io.resources import Resources
from nightshift.io.scores.table import Stamp, make_scores_schema
from nightshift.prefetch import count_workers, prime
from nightshift.steps.outcome import Outcome
from nightshift.steps.score.plan import Inputs, Plan
from nightshift.steps.serving.predictors import load_predictor

# So many scored row groups, 4 MiB each, wait for the hash of the features, and later for a server that halts to write.
MAX_WAITING = 8
MakeBatch = Callable[[pa.RecordBatch, np.ndarray], pa.RecordBatch]


class UnusableScores(Exception):
    """The model gave something that is no score."""


def score_features(
    config: PipelineConfig, resources: Resources, inputs: Inputs, make_batch: MakeBatch
) -> Generator[list[pa.RecordBatch]]:
    """For each row group of the features, what `make_batch` makes of its batches and their scores.

    A batch has the keys and the version's features. To be closed by whoever does not take all. The first groups are
    scored while the features are still being hashed, and leave once those are known to be what was recorded.
    UnusableScores where a score is no finite number, or the features lack a column.
    """
    predictor = load_predictor(config, resources, inputs.version, inputs.features.rows)

    def score_batch(batch: pa.RecordBatch) -> pa.RecordBatch:
        return make_batch(batch, _score(predictor, inputs.version, batch))

    with (
        fetch_unverified(resources.lake, inputs.features) as (path, verified),
        closing(_score_groups(path, inputs, score_batch)) as groups,
    ):
        # With the first group as many as may wait are begun; none leaves before the features are known to be good.
        begun = prime(groups)
        verified.result()
        yield from begun


def _score_groups(
    path: Path, inputs: Inputs, score_batch: Callable[[pa.RecordBatch], pa.RecordBatch]
) -> Generator[list[pa.RecordBatch]]:
    version = inputs.version
    missing = set(version.feature_names) - set(read_schema(path).names)
    if missing:
        raise UnusableScores(
            f"version {version.version} needs {', '.join(sorted(missing))}, which the features don't have; run the "
            "ingest of this partition again, or train a new version"
        )
    reading = Reading(inputs.columns, inputs.share, inputs.texts)

    def score_group(batches: Iterator[pa.RecordBatch]) -> list[pa.RecordBatch]:
        return [score_batch(batch) for batch in batches]

    with closing(map_groups(path, score_group, inputs.batch_rows, count_workers(), reading, MAX_WAITING)) as groups:
        yield from groups


def _score(predictor: Predictor, version: ModelVersion, batch: pa.RecordBatch) -> np.ndarray:
    scores = predictor.predict(batch)
    unusable = int((~np.isfinite(scores)).sum())
    if unusable:
        raise UnusableScores(f"version {version.version} gave no finite score for {unusable} rows")
    return scores


def score_planned(config: PipelineConfig, resources: Resources, plan: Plan) -> Generator[list[pa.RecordBatch]]:
    """The rows of scores.NAME that the plan asks for; the rest is as `score_features` has it."""
    return score_features(config, resources, plan.inputs, _finish_batches(plan, make_scores_schema(config)))


def _finish_batches(plan: Plan, schema: pa.Schema) -> MakeBatch:
    """What makes rows of scores.NAME from a batch with the keys and its scores."""
    constants = asdict(Stamp(plan.partition, plan.inputs.version.version, plan.scored_at))
    task = find_task(plan.task)

    def finish(batch: pa.RecordBatch, scores: np.ndarray) -> pa.RecordBatch:
        columns = {name: batch.column(name) for name in plan.inputs.keys}
        columns["score"] = pa.array(scores, pa.float64())
        for name, values in task.make_columns(scores, plan.threshold).items():
            columns[name] = pa.array(values, schema.field(name).type)
        for name, value in constants.items():
            columns[name] = pa.repeat(pa.scalar(value, schema.field(name).type), batch.num_rows)
        return pa.RecordBatch.from_arrays([columns[name] for name in schema.names], schema=schema)

    return finish


def stop_unusable(config: PipelineConfig, partition: date, error: UnusableScores) -> Outcome:
    """What a step says whose model gave no scores."""
    return Outcome("stopped", f"{config.name} {partition}: {error}. The scores stay as they are.")
