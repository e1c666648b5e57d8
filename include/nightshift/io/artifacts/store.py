"""Writing and opening model artifacts."""

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import skops.io
from skops.io.exceptions import UntrustedTypesFoundException

from nightshift.errors import NightshiftError
from nightshift.io.artifacts.allowed import list_trusted_types
from nightshift.io.artifacts.archive import open_archive, read_headers, read_schema
from nightshift.io.artifacts.canonical import rewrite_archive
from nightshift.io.artifacts.grammar import check_schema
from nightshift.io.artifacts.refusal import Refused, UnusableArtifact
from nightshift.io.artifacts.renamed import translate_archive
from nightshift.io.artifacts.trees import check_trees
from nightshift.io.lake.base import Lake, ObjectRef, fetch_verified, hash_file, store_file
from nightshift.io.runtime.temp_files import open_temporary_folder


@dataclass(frozen=True)
class _Verified:
    """A file that has the recorded hash; two with one hash are one."""

    sha256: str
    path: Path = field(compare=False)
    uri: str = field(compare=False)


def store_model(lake: Lake, pipeline: str, model: Any, attempt: str) -> ObjectRef:
    """Write the model under `models/NAME/SHA256/`; equal models have one hash, and each attempt a key of its own.

    NightshiftError where the model has a part that `load_model` would refuse.
    """
    with open_temporary_folder() as folder:
        path = folder / "model.skops"
        write_model(model, path)
        return store_file(lake, f"models/{pipeline}/{hash_file(path)}/{attempt}.skops", path, 0)


def write_model(model: Any, path: Path) -> None:
    """Write the model into a new file: the same model gives the same bytes, in any process."""
    raw = path.with_suffix(".raw")
    try:
        skops.io.dump(model, raw)
        with ZipFile(raw) as archive:
            rewrite_archive(archive, path)
        _check_file(path).close()
    except OSError:
        raise
    except Exception as error:
        raise NightshiftError(
            f"the {type(model).__name__} can't be stored: {type(error).__name__}: {error}. A new kind of estimator, or "
            "a parameter that brings a new type: name the type in the kind's `types` (docs/extending/estimator.md)."
        ) from error
    finally:
        raw.unlink(missing_ok=True)


def load_model(lake: Lake, ref: ObjectRef) -> Any:
    """The model; CorruptObject where the bytes differ from the record, UnusableArtifact where it must not be opened."""
    with open_temporary_folder() as folder:
        path = fetch_verified(lake, ref, folder / "model.skops")
        return _load_verified(_Verified(ref.sha256, path, ref.uri))


@lru_cache(maxsize=4)
def _load_verified(verified: _Verified) -> Any:
    return read_model(verified.path, verified.uri)


def read_model(path: Path, name: str) -> Any:
    """The model in a local file; `name` is what messages call it. UnusableArtifact whatever is wrong with it.

    In this order, each step safe because of those before: the zip is bounded, the schema is checked against the types
    and shapes that we write, skops builds the objects under its own list of types, the trees' indices are checked.
    This answers what is known against skops: trusting what a file says of itself (CVE-2024-37065), operators and
    methods that hide behind trusted names (CVE-2025-54412, CVE-2025-54413), falling back to joblib (CVE-2025-54886),
    and trees that crash the process although every type in the file is allowed.
    """
    try:
        with open_temporary_folder() as folder:
            current = translate_archive(path, folder / "current.skops")
            with _check_file(current):
                model = skops.io.load(current, trusted=list_trusted_types())
        check_trees(model)
    except (Refused, UntrustedTypesFoundException) as error:
        raise UnusableArtifact(f"{name} is refused: {error}. The champion stays as it is.") from error
    except Exception as error:
        raise UnusableArtifact(f"{name} can't be read as a model: {type(error).__name__}: {error}") from error
    if not hasattr(model, "predict"):
        raise UnusableArtifact(f"{name} holds a {type(model).__name__} that can't predict")
    return model


def _check_file(path: Path) -> ZipFile:
    """The opened archive, if everything that can be said before building anything speaks for it."""
    archive = open_archive(path)
    try:
        check_schema(read_schema(archive), read_headers(archive))
    except BaseException:
        archive.close()
        raise
    return archive
