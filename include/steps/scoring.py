"""Features become scores as a stream: row groups are decoded and predicted ahead, on all cores, and leave in order."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing

import numpy as np
import pyarrow as pa

from include.ahead import count_workers
from include.config.pipeline import PipelineConfig
from include.core.predictors import Predictor
from include.io.lake import ObjectRef
from include.io.registry import ModelVersion
from include.io.resources import Resources
from include.io.tables import fetch_object, map_groups, read_schema
from include.steps.predictors import load_predictor

MakeBatch = Callable[[pa.RecordBatch, np.ndarray], pa.RecordBatch]


class UnusableScores(Exception):
    """The model gave something that is no score."""


def score_features(
    config: PipelineConfig,
    resources: Resources,
    features: ObjectRef,
    version: ModelVersion,
    make_batch: MakeBatch,
    share: tuple[int, int] = (0, 1),
) -> Generator[list[pa.RecordBatch]]:
    """For each row group of the features, what `make_batch` makes of its batches and their scores.

    `share` picks the groups of one shard: its number from 0, of how many. A batch has the keys and the version's
    features. To be closed by whoever does not take all.
    UnusableScores where a score is no finite number, or the features lack a column.
    """
    predictor = load_predictor(config, resources, version, features.rows)

    def score_group(batches: Iterator[pa.RecordBatch]) -> list[pa.RecordBatch]:
        return [make_batch(batch, _score(predictor, version, batch)) for batch in batches]

    with fetch_object(resources.lake, features) as path:
        missing = set(version.feature_names) - set(read_schema(path).names)
        if missing:
            raise UnusableScores(
                f"version {version.version} needs {', '.join(sorted(missing))}, which the features lack; run the "
                "ingest of this partition again, or train a new version"
            )
        columns = list(dict.fromkeys([*config.spec.keys, *version.feature_names]))
        rows, workers = config.spec.scoring.batch_rows, count_workers()
        texts = [name for name in version.features["categorical"] if name not in config.spec.keys]
        with closing(map_groups(path, score_group, rows, workers, columns, share, texts)) as groups:
            yield from groups


def _score(predictor: Predictor, version: ModelVersion, batch: pa.RecordBatch) -> np.ndarray:
    scores = predictor.predict(batch)
    unusable = int((~np.isfinite(scores)).sum())
    if unusable:
        raise UnusableScores(f"version {version.version} gave no finite score for {unusable} rows")
    return scores
