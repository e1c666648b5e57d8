"""Artifacts that an earlier release wrote name types by modules that have moved since."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, ZipFile

from nightshift.io.artifacts.archive import SCHEMA, open_archive

# Release 0.1's name of a type -> today's, which the allow-list must hold like any other.
RENAMED: Mapping[str, str] = {
    "include.core.calibration.CalibratedClassifier": "nightshift.estimators.CalibratedClassifier",
    "include.core.lightgbm_models.LightGbmClassifier": "nightshift.estimators.LightGbmClassifier",
    "include.core.lightgbm_models.LightGbmRegressor": "nightshift.estimators.LightGbmRegressor",
}
_OLD_MODULES = tuple({name.rpartition(".")[0].encode() for name in RENAMED})


def translate_archive(path: Path, target: Path) -> Path:
    """The artifact with today's names: `path` itself, or a copy in `target` where it holds old ones.

    Only names of the table change, and the copy is checked as any artifact. Refused where it is no archive of ours.
    """
    with open_archive(path) as archive:
        schema = archive.read(SCHEMA)
        if not any(module in schema for module in _OLD_MODULES):
            return path
        with ZipFile(target, "w", ZIP_STORED) as copy:
            for entry in archive.infolist():
                old = archive.read(entry)
                copy.writestr(entry, _rename(old) if entry.filename == SCHEMA else old)
    return target


def _rename(schema: bytes) -> bytes:
    return json.dumps(json.loads(schema, object_hook=_rename_type), separators=(",", ":")).encode()


def _rename_type(node: dict[str, Any]) -> dict[str, Any]:
    name = RENAMED.get(f"{node.get('__module__')}.{node.get('__class__')}")
    if name:
        node["__module__"], _, node["__class__"] = name.rpartition(".")
    return node
