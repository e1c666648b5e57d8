"""Artifacts that are damaged, hostile or useless: each is refused for its own reason, and the champion goes on scoring.

What is registered has the hash of what lies in the lake, unless a test says otherwise: even who can write both,
versions and objects, gets no further.
"""

import copy
import pickle
import re
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest

from nightshift.errors import NightshiftError
from nightshift.io.artifacts import UnusableArtifact, load_model, store_model
from nightshift.io.lake.base import CorruptObject, store_file
from nightshift.io.registry import ModelVersion, find_champion, find_version
from nightshift.steps.serving import check as serving
from nightshift.steps.serving.check import check_serving, require_servable
from nightshift.steps.train import assemble_training_set, judge_candidate
from tests.integration.kit import LEARNING, NIGHTS, PIPELINE, World, flip_byte, truncate
from tests.integration.registry_kit import copy_version
from tests.kits import forging
from tests.kits.forging import Node, attributes, node, value

EMPTY = node("ListNode", "builtins.list", content=[])
NOTHING = node("TupleNode", "builtins.tuple", content=[])


class Payload:
    """Writes a file when it is unpickled."""

    def __init__(self, sentinel: Path) -> None:
        self.sentinel = sentinel

    def __reduce__(self) -> Any:
        return (Path.touch, (self.sentinel,))


def find(world: World, version: int) -> ModelVersion:
    with world.warehouse.begin() as connection:
        found = find_version(connection, PIPELINE, version)
    assert found
    return found


def read_champion(world: World) -> Any:
    """The model in charge, as a copy: tests bend it."""
    with world.warehouse.begin() as connection:
        champion = find_champion(connection, PIPELINE)
    assert champion
    return copy.deepcopy(load_model(world.lake, champion.artifact))


def register_file(world: World, path: Path, **changes: Any) -> ModelVersion:
    """A version with the champion's figures and this very file as its artifact."""
    ref = store_file(world.lake, f"models/{PIPELINE}/hostile/{path.name}", path, 0)
    return find(world, copy_version(world, "hostile", artifact=ref, **changes))


def register_model(world: World, model: Any, **changes: Any) -> ModelVersion:
    """A version with the champion's figures and this model."""
    ref = store_model(world.lake, PIPELINE, model, "hostile")
    return find(world, copy_version(world, "hostile", artifact=ref, **changes))


def judge(world: World, version: ModelVersion) -> tuple[str, dict[str, Any]]:
    """The gate's decision, and its rules by name."""
    assembled = assemble_training_set(world.config, world.resources, LEARNING[-1]).figures
    figures = judge_candidate(world.config, world.resources, assembled, version.version).figures
    return figures["decision"], {rule["name"]: rule for rule in figures["rules"]}


def plant(replacement: Node) -> Callable[[World, Path], None]:
    """The champion with another node in one of its attributes."""

    def write(world: World, path: Path) -> None:
        def change(schema: Node, arrays: dict[str, bytes]) -> None:
            attributes(schema, "LogisticRegression")["l1_ratio"] = replacement

        forging.forge(read_champion(world), path, change)

    return write


def write_pickle(world: World, path: Path) -> None:
    path.write_bytes(pickle.dumps(Payload(path.with_name("sentinel"))))


def write_joblib(world: World, path: Path) -> None:
    joblib.dump(Payload(path.with_name("sentinel")), path)


def write_pickled_array(world: World, path: Path) -> None:
    """An array of objects, which NumPy would unpickle if it was asked to."""

    def change(schema: Node, arrays: dict[str, bytes]) -> None:
        payload = np.array([Payload(path.with_name("sentinel"))], dtype=object)
        arrays[next(iter(arrays))] = forging.pack(payload, allow_pickle=True)

    forging.forge(read_champion(world), path, change)


def write_bomb(world: World, path: Path) -> None:
    forging.write_zip(path, {"schema.json": b" " * 10**8}, zipfile.ZIP_DEFLATED)


def write_endless_json(world: World, path: Path) -> None:
    forging.write_zip(path, {"schema.json": b"[" * 10**6})


def write_deep(world: World, path: Path) -> None:
    inner = EMPTY
    for _ in range(200):
        inner = node("ListNode", "builtins.list", content=[inner])
    plant(inner)(world, path)


def write_dictionary(world: World, path: Path) -> None:
    def change(schema: Node, arrays: dict[str, bytes]) -> None:
        kept = {key: schema[key] for key in ("protocol", "_skops_version")}
        schema.clear()
        arrays.clear()
        schema.update(node("DictNode", "builtins.dict", content={}, key_types=EMPTY) | kept)

    forging.forge(read_champion(world), path, change)


def write_loop(world: World, path: Path) -> None:
    """A forest whose first tree points back to itself: it loads, and its first prediction never ends."""

    def change(schema: Node, arrays: dict[str, bytes]) -> None:
        name = forging.find(schema, "TreeNode")["content"]["content"]["nodes"]["file"]
        forging.edit_array(arrays, name, lambda nodes: nodes["left_child"].__setitem__(0, 0))

    forging.forge(forging.fit("random_forest"), path, change)


CALLER = node("OperatorFuncNode", "operator.methodcaller", attrs=NOTHING)
FILES: dict[str, tuple[Callable[[World, Path], None], str]] = {
    "a pickle": (write_pickle, "no intact zip file"),
    "a joblib file": (write_joblib, "no intact zip file"),
    "an array of pickles": (write_pickled_array, "may hide a pickle"),
    "a type that no model has": (
        plant(node("ObjectNode", "sklearn.feature_extraction.text.CountVectorizer")),
        "CountVectorizer .as ObjectNode. is not on the list",
    ),
    "eval": (plant(node("FunctionNode", "builtins.eval")), "builtins.eval .as FunctionNode. is not on the list"),
    "a system function": (plant(node("FunctionNode", "os.system")), "os.system .as FunctionNode. is not on the list"),
    "a method caller": (plant(CALLER), "operator.methodcaller .as OperatorFuncNode. is not on the list"),
    "a zip bomb": (write_bomb, "compressed or encrypted"),
    "JSON without an end": (write_endless_json, "RecursionError"),
    "a deep schema": (write_deep, "nests more than 100 levels deep"),
    "a dictionary": (write_dictionary, "holds a builtins.dict, not a model"),
    "a tree without an end": (write_loop, "points outside of itself, or back"),
    "a value for a number": (plant(value([1])), "schema is malformed"),
}


@pytest.mark.guarantee(8, 9)
@pytest.mark.parametrize("case", FILES)
def test_a_hostile_file_is_refused_by_name_and_the_champion_goes_on(
    case: str, champion_world: World, tmp_path: Path
) -> None:
    world, (write, reason) = champion_world, FILES[case]
    (tmp_path / "hostile").mkdir()
    path = tmp_path / "hostile" / "model.skops"
    write(world, path)
    version, before = register_file(world, path), world.read_state()
    report = check_serving(world.config, world.resources, version)
    assert re.search(reason, report.problem)
    assert (report.difference, report.seconds, report.megabytes) == (None, None, None)
    with pytest.raises(UnusableArtifact, match=reason):
        load_model(world.lake, version.artifact)
    assert not path.with_name("sentinel").exists()
    assert world.read_state() == before
    world.run_night(NIGHTS[6])
    assert world.ask("select distinct model_version from scores.shops") == [(1,)]


@pytest.mark.guarantee(9)
@pytest.mark.parametrize("damage", [flip_byte, truncate, Path.unlink])
def test_a_damaged_artifact_is_not_even_opened(damage: Callable[[Path], None], champion_world: World) -> None:
    world = champion_world
    version = register_model(world, read_champion(world))
    damage(world.find_file(version.artifact.uri))
    problem = check_serving(world.config, world.resources, version).problem
    assert ("is not in the lake" if damage is Path.unlink else "was changed after it was written") in problem
    with pytest.raises(NightshiftError):
        load_model(world.lake, version.artifact)
    with pytest.raises(NightshiftError, match="version 2 can't be promoted"):
        require_servable(world.config, world.resources, version)


def test_damaged_golden_rows_are_named(champion_world: World) -> None:
    world, version = champion_world, find(champion_world, 1)
    assert version.golden
    flip_byte(world.find_file(version.golden.uri))
    problem = check_serving(world.config, world.resources, version).problem
    assert version.golden.uri in problem
    assert "was changed" in problem


def test_the_champion_is_served_as_recorded(champion_world: World) -> None:
    world, version = champion_world, find(champion_world, 1)
    report = check_serving(world.config, world.resources, version)
    assert (report.problem, report.difference) == ("", 0.0)
    assert report.rows == 2 * 120
    assert report.seconds is not None
    assert 0 < report.seconds < 2
    assert report.megabytes is not None
    assert report.megabytes < 200
    require_servable(world.config, world.resources, version)


def test_a_version_without_golden_rows_is_tried_on_rows_of_its_reference(champion_world: World) -> None:
    version = replace(find(champion_world, 1), golden=None)
    report = check_serving(champion_world.config, champion_world.resources, version)
    assert (report.problem, report.difference) == ("", None)
    assert report.rows == serving.GOLDEN_ROWS
    assert report.seconds
    require_servable(champion_world.config, champion_world.resources, version)


@pytest.mark.guarantee(8)
def test_another_model_than_the_recorded_one_is_noticed(champion_world: World) -> None:
    """A sound artifact, but not the one whose scores were recorded."""
    world = champion_world
    model = read_champion(world)
    model[-1].intercept_ += 0.1
    version = register_model(world, model)
    report = check_serving(world.config, world.resources, version)
    assert report.problem == ""
    assert report.difference
    assert report.difference > 0.01
    with pytest.raises(NightshiftError, match="differ from the recorded ones"):
        require_servable(world.config, world.resources, version)


def break_nan(model: Any) -> None:
    model[-1].coef_[:] = np.nan


def break_shape(model: Any) -> None:
    model[-1].coef_ = model[-1].coef_[:, :-1]


@pytest.mark.guarantee(8)
@pytest.mark.parametrize(
    ("damage", "reason"),
    [(break_nan, "no finite score for 240 of 240 golden rows"), (break_shape, "can't predict the golden rows")],
)
def test_a_model_that_gives_no_scores_is_refused(
    damage: Callable[[Any], None], reason: str, champion_world: World
) -> None:
    world = champion_world
    model = read_champion(world)
    damage(model)
    version = register_model(world, model)
    assert reason in check_serving(world.config, world.resources, version).problem
    decision, rules = judge(world, version)
    assert (decision, rules["reload"]["passed"]) == ("keep", False)
    assert reason in rules["reload"]["reason"]


@pytest.mark.guarantee(8)
def test_a_candidate_that_needs_a_missing_feature_is_refused(champion_world: World) -> None:
    world = champion_world
    version = find(world, copy_version(world, "hungry", features={"numeric": ["spent", "gone"], "categorical": []}))
    problem = check_serving(world.config, world.resources, version).problem
    assert problem == "it needs gone, which its golden rows don't have"
    decision, rules = judge(world, version)
    assert (decision, rules["features"]["passed"]) == ("keep", False)


WORKERS = {
    "a hang": ("import time\ntime.sleep(60)", "did not answer within 3 s"),
    "a crash": ("import ctypes\nctypes.string_at(0)", "crashed (SIGSEGV)"),
}


@pytest.mark.guarantee(8)
@pytest.mark.parametrize("case", WORKERS)
def test_a_fresh_process_that_ends_badly_is_a_reason(
    case: str, champion_world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an artifact would that finds a way around every check."""
    script, reason = WORKERS[case]
    (tmp_path / "hostile_worker.py").write_text(script)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(serving, "WORKER", "hostile_worker")
    monkeypatch.setattr(serving, "SECONDS", 3.0)
    report = check_serving(champion_world.config, champion_world.resources, find(champion_world, 1))
    assert reason in report.problem


GATED = ("a pickle", "a system function", "a zip bomb", "a tree without an end")


@pytest.mark.guarantee(7, 8, 9)
@pytest.mark.parametrize("case", GATED)
def test_the_gate_keeps_the_champion_and_says_why(case: str, champion_world: World, tmp_path: Path) -> None:
    world, (write, reason) = champion_world, FILES[case]
    path = tmp_path / "model.skops"
    write(world, path)
    version, before = register_file(world, path), world.read_state()
    decision, rules = judge(world, version)
    assert (decision, rules["reload"]["passed"]) == ("keep", False)
    assert re.search(reason, rules["reload"]["reason"])
    assert world.read_state() == before


@pytest.mark.guarantee(7, 9)
def test_the_gate_keeps_the_champion_where_the_artifact_was_changed(champion_world: World) -> None:
    world = champion_world
    version = register_model(world, read_champion(world))
    flip_byte(world.find_file(version.artifact.uri))
    decision, rules = judge(world, version)
    assert (decision, rules["reload"]["passed"]) == ("keep", False)
    assert "was changed after it was written" in rules["reload"]["reason"]
    with pytest.raises(CorruptObject):
        load_model(world.lake, version.artifact)
