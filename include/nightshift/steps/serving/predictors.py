"""registry + artifact -> what scores: the tables that the gate has seen, else the model itself."""

import logging
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from nightshift.config.pipeline import PipelineConfig
from nightshift.core.predictors import NativePredictor, Predictor, make_predictor
from nightshift.io.artifacts import load_model
from nightshift.io.registry import ModelVersion
from nightshift.io.resources import Resources

log = logging.getLogger(__name__)

# Loading numba and making tables costs 1 s of CPU. In a fresh process both ways took the same for 100,000 rows: the
# model itself 1.10 s and tables 1.15 s (100 trees, 20 numbers), 1.56 and 1.60 s with 8 categories as well.
FEW_ROWS = 100_000
COMPILED_ANEW = (
    "%s: every task compiles for some seconds, because the result can't be kept (%s). Set NUMBA_CACHE_DIR to a folder "
    "that only the tasks' user can write to"
)


@dataclass(frozen=True)
class _Loaded:
    """A verified model; two with the same hash and columns are one."""

    sha256: str
    task: str
    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    model: Any = field(compare=False)


def load_predictor(config: PipelineConfig, resources: Resources, version: ModelVersion, rows: int) -> Predictor:
    """What scores `rows` rows with the version: its tables, or the model itself where the rows are few.

    Where its tables can't be trusted or made, the model itself, and a warning. The artifact is verified each time;
    tables are made once in a process. Raises what `load_model` raises.
    """
    model = load_model(resources.lake, version.artifact)
    recorded = version.predictor or {}
    if recorded.get("kind") == "native" or rows < FEW_ROWS:
        return NativePredictor(model, config.spec.task, version.feature_names, str(recorded.get("reason", "few rows")))
    numeric, categorical = tuple(version.features["numeric"]), tuple(version.features["categorical"])
    made = _make(_Loaded(version.artifact.sha256, config.spec.task, numeric, categorical, model))
    problem = explain_distrust(version, made)
    if not problem:
        if made.not_kept:
            log.warning(COMPILED_ANEW, config.name, made.not_kept)
        return made
    log.warning("%s: version %s scores by the model itself, which is slower: %s", config.name, version.version, problem)
    return NativePredictor(model, config.spec.task, version.feature_names, problem)


def explain_distrust(version: ModelVersion, made: Predictor) -> str:
    """Why the tables made here must not score for the version, and what to do; empty where they may."""
    if made.kind == "native":
        return made.reason
    if not version.predictor:
        return "it was trained before models had tables; train again to have them"
    if made.sha256 != version.predictor.get("sha256"):
        return (
            "the tables made here are not those that the gate has seen; install the libraries that it was trained with "
            "(requirements.txt), or train again"
        )
    return ""


def scores_by_tables(version: ModelVersion, rows: int) -> bool:
    """Whether so many rows are scored by the version's tables, unless they turn out to be of no use here."""
    return rows >= FEW_ROWS and (version.predictor or {}).get("kind") == "tables"


@lru_cache(maxsize=4)
def _make(loaded: _Loaded) -> Predictor:
    return make_predictor(loaded.model, loaded.task, loaded.numeric, loaded.categorical)


def describe_predictor(predictor: Predictor) -> dict[str, Any]:
    """As ml.model_versions keeps it."""
    if predictor.kind == "tables":
        return {"kind": "tables", "sha256": predictor.sha256}
    return {"kind": "native", "reason": predictor.reason}
