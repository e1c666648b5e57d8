"""Model artifacts: skops files, addressed by their hash, opened only if hash and types are the expected ones."""

import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

import skops.io
from skops.io.exceptions import UntrustedTypesFoundException

from include.errors import NightshiftError
from include.io.lake import Lake, ObjectRef, fetch_verified, hash_file, store_file

# Reviewed: what our own Pipelines need beyond skops' defaults. Never extended by what a file says it holds.
TRUSTED_TYPES = [
    "functools.partial",
    "numpy.dtype",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
    "sklearn.utils.validation.check_array",
]


class UnusableArtifact(NightshiftError):
    """An artifact that must not or cannot be loaded."""


def store_model(lake: Lake, pipeline: str, model: Any, attempt: str) -> ObjectRef:
    """Write the model under `models/NAME/SHA256/`; equal models of two attempts get a key each."""
    with tempfile.TemporaryDirectory(prefix="nightshift-") as folder:
        path = Path(folder) / "model.skops"
        skops.io.dump(model, path)
        return store_file(lake, f"models/{pipeline}/{hash_file(path)}/{attempt}.skops", path, 0)


def load_model(lake: Lake, ref: ObjectRef) -> Any:
    """The model; CorruptObject where the bytes differ from the record, UnusableArtifact where a type is not allowed."""
    with tempfile.TemporaryDirectory(prefix="nightshift-") as folder:
        path = fetch_verified(lake, ref, Path(folder) / "model.skops")
        return _load_verified(path.read_bytes(), ref.uri)


@lru_cache(maxsize=4)
def _load_verified(content: bytes, uri: str) -> Any:
    try:
        return skops.io.loads(content, trusted=TRUSTED_TYPES)
    except UntrustedTypesFoundException as error:
        raise UnusableArtifact(f"{uri} is refused: {error}. The champion stays as it is.") from error
    except Exception as error:
        raise UnusableArtifact(f"{uri} can't be read as a model: {type(error).__name__}: {error}") from error
