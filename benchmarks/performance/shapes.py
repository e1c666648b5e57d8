"""The benchmark's two pipelines: their made-up rows and the models that score them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from unittest.mock import patch

import numpy as np
import pandas as pd
import pyarrow as pa
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline

from benchmarks.performance.one_step import PIPELINES
from nightshift.config.loading import load_pipeline
from nightshift.config.pipeline import PipelineConfig
from nightshift.core.estimators import encoders

CATEGORIES = 24
MISSING = 0.02
CHUNK = 250_000


def load_shape(name: str) -> PipelineConfig:
    """`plain`: 20 numbers. `mixed`: 20 numbers and 8 categories, some values of both missing."""
    return load_pipeline(PIPELINES / name)


def draw_rows(config: PipelineConfig, rows: int, night: date, first: int = 0) -> pd.DataFrame:
    """One night's rows as the source delivers them: the key, every feature and the outcome. Seeded by night."""
    generator = np.random.default_rng([7, night.toordinal(), first])
    features = config.spec.features
    numbers = generator.normal(size=(rows, len(features.numeric)))
    frame = pd.DataFrame(numbers, columns=list(features.numeric))
    words = np.array([f"word {n:02}" for n in range(CATEGORIES)], dtype=object)
    codes = generator.integers(0, CATEGORIES, size=(rows, len(features.categorical)))
    for position, name in enumerate(features.categorical):
        frame[name] = words[codes[:, position]]
    signal = numbers[:, 0] + 0.7 * numbers[:, 1] * numbers[:, 2] - 0.5 * np.abs(numbers[:, 3]) + numbers[:, 4] ** 2 / 3
    signal += (codes % 5).sum(axis=1) / 8
    if features.categorical:
        for name in features.names[1:]:
            frame.loc[generator.random(rows) < MISSING, name] = None
    frame.insert(0, "id", np.arange(first, first + rows))
    return frame.assign(y=(generator.random(rows) < 1 / (1 + np.exp(0.5 - signal))).astype(int))


def draw_batches(config: PipelineConfig, rows: int, night: date) -> Iterator[pa.Table]:
    """The same, in pieces of at most CHUNK rows: ten million don't have to fit."""
    for first in range(0, rows, CHUNK):
        frame = draw_rows(config, min(CHUNK, rows - first), night, first)
        yield pa.Table.from_pandas(frame, preserve_index=False)


@contextmanager
def train_with_imputation() -> Iterator[None]:
    """Models of trees get an imputer in front of them, as many templates have it; ours take the missing as they are."""
    with patch.object(encoders, "encode_for_trees", _impute_and_encode):
        yield


def _impute_and_encode(numeric: list[str], categorical: list[str]) -> ColumnTransformer:
    words = Pipeline(
        [
            ("impute", SimpleImputer(strategy="most_frequent")),
            ("encode", encoders.encode_ordinal()),
        ]
    )
    return ColumnTransformer(
        [("numeric", SimpleImputer(strategy="median"), list(numeric)), ("categorical", words, list(categorical))],
        verbose_feature_names_out=False,
    )
