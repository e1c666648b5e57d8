"""Models and cards that release 0.1 stored: they load by their recorded hash and give the values of then."""

import json
import re
import shutil
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pandas as pd
import pytest

import nightshift.estimators
from nightshift.core.estimators.kinds import predict_scores
from nightshift.core.predictors import make_predictor
from nightshift.errors import NightshiftError
from nightshift.io.artifacts import UnusableArtifact, load_model, read_model, write_model
from nightshift.io.artifacts.allowed import TYPES_BY_LOADER, is_object, list_trusted_types
from nightshift.io.artifacts.renamed import RENAMED
from nightshift.io.lake.base import CorruptObject, ObjectRef, hash_file
from nightshift.io.lake.folder import FolderLake
from nightshift.io.registry.cards import fetch_card
from tests.kits.extras import needs_openmp
from tests.kits.forging import walk, write_zip

STORED = Path(__file__).parent / "stored"
EXPECTED = json.loads((STORED / "expected.json").read_text())
MODELS: dict[str, Any] = EXPECTED["models"]
SCORED = [pytest.param(name, marks=[needs_openmp] if "lightgbm" in name else []) for name in MODELS]
OLD_PACKAGE = "include"


def refer(path: Path, sha256: str) -> ObjectRef:
    return ObjectRef(path.resolve().as_uri(), sha256, 0)


def load(name: str) -> Any:
    return load_model(FolderLake(STORED), refer(STORED / f"models/{name}.skops", MODELS[name]["sha256"]))


def read_rows() -> pd.DataFrame:
    rows = pd.DataFrame(EXPECTED["rows"])
    return rows.assign(**{name: rows[name].map(float.fromhex) for name in ("a", "b")})


def list_types(path: Path) -> set[str]:
    with ZipFile(path) as archive:
        return {f"{node['__module__']}.{node['__class__']}" for node in walk(json.loads(archive.read("schema.json")))}


def list_old_types(path: Path) -> set[str]:
    return {name for name in list_types(path) if name.split(".")[0] == OLD_PACKAGE}


def edit(source: Path, target: Path, old: str, new: str) -> Path:
    """A copy whose schema has one text in place of another; fails where that is not in it."""
    with ZipFile(source) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    assert old.encode() in entries["schema.json"]
    entries["schema.json"] = entries["schema.json"].replace(old.encode(), new.encode())
    return write_zip(target, entries)


@pytest.mark.parametrize("name", SCORED)
def test_an_old_model_gives_the_scores_of_then_to_the_last_bit(name: str) -> None:
    scores = predict_scores(load(name), MODELS[name]["task"], read_rows())
    assert [float(score).hex() for score in scores] == MODELS[name]["scores"]


@pytest.mark.parametrize("name", SCORED)
def test_an_old_model_has_the_tables_that_its_gate_has_seen(name: str) -> None:
    made = make_predictor(load(name), MODELS[name]["task"], ("a", "b"), ("c", "d"))
    assert (made.kind, made.sha256) == (MODELS[name]["predictor"], MODELS[name]["predictor_sha256"])


@pytest.mark.parametrize("name", MODELS)
def test_an_old_model_stored_today_names_no_module_that_may_move(name: str, tmp_path: Path) -> None:
    write_model(load(name), tmp_path / "new.skops")
    ours = {known for known in list_types(tmp_path / "new.skops") if known.split(".")[0] in (OLD_PACKAGE, "nightshift")}
    assert ours == {RENAMED[known] for known in list_old_types(STORED / f"models/{name}.skops")}
    write_model(read_model(tmp_path / "new.skops", "it"), tmp_path / "again.skops")
    assert hash_file(tmp_path / "new.skops") == hash_file(tmp_path / "again.skops")


def test_the_table_has_the_names_that_old_models_hold_and_no_other() -> None:
    held = set().union(*(list_old_types(path) for path in (STORED / "models").iterdir()))
    assert held == set(RENAMED)


def test_todays_names_are_allowed_and_lead_to_the_classes_that_have_them() -> None:
    assert all(is_object(name) for name in RENAMED.values())
    assert set(RENAMED.values()) <= set(list_trusted_types())
    for name in nightshift.estimators.__all__:
        assert getattr(nightshift.estimators, name).__module__ == "nightshift.estimators"
    assert set(RENAMED.values()) == {f"nightshift.estimators.{name}" for name in nightshift.estimators.__all__}


def test_old_names_alone_are_not_allowed() -> None:
    """The table is the only way in: the allow-list itself knows no old name."""
    allowed = set(list_trusted_types()).union(*TYPES_BY_LOADER.values())
    assert not {name for name in allowed if name.split(".")[0] == OLD_PACKAGE}
    assert not any(is_object(name) for name in RENAMED)


def test_the_hash_is_that_of_the_bytes_as_they_were_stored(tmp_path: Path) -> None:
    """Not of what the translation makes of them: today's names in the file are other bytes."""
    name = "logistic_classifier_sigmoid"
    source = STORED / f"models/{name}.skops"
    changed = edit(source, tmp_path / "changed.skops", "include.core.calibration", "nightshift.estimators")
    assert hasattr(read_model(changed, "it"), "predict")
    with pytest.raises(CorruptObject):
        load_model(FolderLake(tmp_path), refer(changed, MODELS[name]["sha256"]))


def test_loading_leaves_the_stored_file_as_it_is(tmp_path: Path) -> None:
    path = Path(shutil.copy(STORED / "models/logistic_classifier_sigmoid.skops", tmp_path))
    read_model(path, "it")
    assert hash_file(path) == MODELS["logistic_classifier_sigmoid"]["sha256"]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("include.core.calibration", "include.core.estimators"),
        ("include.core.calibration", "include.core.calibration.more"),
        ('"CalibratedClassifier"', '"BaseEstimator"'),
        ('"CalibratedClassifier"', '"LightGbmClassifier"'),
        ('"CalibratedClassifier"', '"fit_calibrator"'),
    ],
)
def test_an_old_name_that_is_not_in_the_table_is_refused(old: str, new: str, tmp_path: Path) -> None:
    source = STORED / "models/logistic_classifier_sigmoid.skops"
    with pytest.raises(UnusableArtifact, match=re.escape(new.strip('"'))):
        read_model(edit(source, tmp_path / "forged.skops", old, new), "it")


@pytest.mark.parametrize("loader", ["FunctionNode", "TypeNode", "MethodNode", "ReduceNode"])
def test_an_old_name_opens_no_other_kind_of_node(loader: str, tmp_path: Path) -> None:
    """The translated file is checked as any other: the class is allowed only as an object."""
    with ZipFile(STORED / "models/logistic_classifier_sigmoid.skops") as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(entries["schema.json"])
    assert (schema["__class__"], schema["__loader__"]) == ("CalibratedClassifier", "ObjectNode")
    schema["__loader__"] = loader
    entries["schema.json"] = json.dumps(schema, separators=(",", ":")).encode()
    with pytest.raises(UnusableArtifact):
        read_model(write_zip(tmp_path / "forged.skops", entries), "it")


@pytest.mark.parametrize("name", EXPECTED["cards"])
def test_an_old_card_is_shown_as_it_was_written(name: str) -> None:
    path = STORED / "cards" / name
    assert fetch_card(FolderLake(STORED), refer(path, EXPECTED["cards"][name])) == path.read_bytes()


def test_an_old_card_that_was_changed_is_not_shown(tmp_path: Path) -> None:
    path = Path(shutil.copy(STORED / "cards/model.json", tmp_path))
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(NightshiftError, match="not the card that was recorded"):
        fetch_card(FolderLake(tmp_path), refer(path, EXPECTED["cards"]["model.json"]))
