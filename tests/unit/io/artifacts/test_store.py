"""Model artifacts: the same model gives the same bytes; what is no model of ours is refused, with the reason."""

import json
import os
import pickle
import struct
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import skops.io
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from nightshift.config.project import PROJECT_ROOT
from nightshift.core.estimators.kinds import predict_scores
from nightshift.core.estimators.lightgbm import LightGbmClassifier
from nightshift.errors import NightshiftError
from nightshift.io.artifacts import UnusableArtifact, load_model, read_model, store_model, write_model
from nightshift.io.lake.base import CorruptObject, hash_file
from nightshift.io.lake.folder import FolderLake
from tests.kits import forging
from tests.kits.forging import (
    Change,
    Node,
    add_attribute,
    attributes,
    drop_unused,
    edit_array,
    find,
    forge,
    node,
    value,
)


def hash_in_process(folder: Path, **environ: str) -> dict[str, str]:
    folder.mkdir()
    command = [sys.executable, "-m", "tests.kits.forging", str(folder)]
    environ = {**os.environ, **environ}
    done = subprocess.run(command, cwd=PROJECT_ROOT, env=environ, capture_output=True, check=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def test_models_that_two_processes_fit_on_the_same_rows_have_the_same_bytes(tmp_path: Path) -> None:
    """Whatever the processes' hash seeds and numbers of threads."""
    first = hash_in_process(tmp_path / "first", PYTHONHASHSEED="1", OMP_NUM_THREADS="1")
    second = hash_in_process(tmp_path / "second", PYTHONHASHSEED="2", OMP_NUM_THREADS="3")
    assert len(first) == len(forging.KINDS) + 2
    assert len(set(first.values())) == len(first)
    assert first == second


@pytest.mark.parametrize(("kind", "task"), forging.KINDS)
def test_a_model_that_was_read_predicts_as_before_and_is_stored_alike(kind: str, task: Any, tmp_path: Path) -> None:
    model, (rows, _) = forging.fit(kind, task), forging.draw_data()
    write_model(model, tmp_path / "first.skops")
    found = read_model(tmp_path / "first.skops", "it")
    assert (predict_scores(found, task, rows) == predict_scores(model, task, rows)).all()
    write_model(found, tmp_path / "second.skops")
    assert hash_file(tmp_path / "first.skops") == hash_file(tmp_path / "second.skops")


def test_lightgbm_is_stored_as_the_text_of_its_trees(tmp_path: Path) -> None:
    """Without the library: it is loaded only when somebody predicts."""
    trees = LightGbmClassifier(categorical_features=[2, 3], random_state=7)
    trees.classes_, trees.n_features_in_, trees.trees_ = np.array([0.0, 1.0]), 4, "tree\nversion=v4\n"
    write_model(make_pipeline(forging.fit_once("hist_gradient_boosting")[0], trees), tmp_path / "model.skops")
    found = read_model(tmp_path / "model.skops", "it")[-1]
    assert (found.trees_, found.get_params()) == (trees.trees_, trees.get_params())


@pytest.mark.parametrize("loss", ["absolute_error", "poisson", "quantile"])
def test_every_loss_of_boosting_can_be_stored(loss: str, tmp_path: Path) -> None:
    rows, _ = forging.draw_data()
    quantile = {"quantile": 0.3} if loss == "quantile" else {}
    model = forging.fit("hist_gradient_boosting", "regression", loss=loss, **quantile)
    write_model(model, tmp_path / "model.skops")
    assert (read_model(tmp_path / "model.skops", "it").predict(rows) == model.predict(rows)).all()


@pytest.mark.parametrize("method", ["isotonic", "sigmoid"])
def test_a_calibrated_model_predicts_as_before(method: str, tmp_path: Path) -> None:
    model, (rows, _) = forging.calibrate(forging.fit("hist_gradient_boosting"), method), forging.draw_data()
    write_model(model, tmp_path / "model.skops")
    found = read_model(tmp_path / "model.skops", "it")
    assert (found.predict_proba(rows) == model.predict_proba(rows)).all()


def test_what_was_one_object_stays_one_object(tmp_path: Path) -> None:
    model, _ = forging.fit_sharing()
    write_model(model, tmp_path / "model.skops")
    columns = read_model(tmp_path / "model.skops", "it").steps[0][1]
    assert columns.transformers[0][1] is columns.transformers_[0][1]


def test_gaps_between_fields_do_not_change_the_bytes(tmp_path: Path) -> None:
    """The memory between the fields of a tree's nodes is whatever was there."""
    paths = []
    for filling in (0, 255):
        model = forging.fit("hist_gradient_boosting")
        trees = [predictor for predictors in model[-1]._predictors for predictor in predictors]
        aligned = np.dtype(trees[0].nodes.dtype.descr, align=True)
        for tree in trees:
            nodes = np.frombuffer(bytes([filling]) * aligned.itemsize * len(tree.nodes), aligned).copy()
            for name in tree.nodes.dtype.names:
                nodes[name] = tree.nodes[name]
            tree.nodes = nodes
        paths.append(tmp_path / f"{filling}.skops")
        skops.io.dump(model, tmp_path / "raw.skops")
        write_model(model, paths[-1])
    assert len({hash_file(path) for path in paths}) == 1


def test_equal_models_share_their_address_up_to_the_attempt(tmp_path: Path) -> None:
    lake, model = FolderLake(tmp_path), forging.fit("logistic")
    first, second = (store_model(lake, "shops", model, attempt) for attempt in ("one", "two"))
    assert first.sha256 == second.sha256
    assert first.uri == second.uri.replace("two.skops", "one.skops")
    assert f"models/shops/{first.sha256}/one.skops" in first.uri


@pytest.mark.guarantee(9)
def test_other_bytes_than_the_recorded_ones_are_not_opened(tmp_path: Path) -> None:
    lake = FolderLake(tmp_path)
    ref = store_model(lake, "shops", forging.fit("logistic"), "one")
    path = Path(ref.uri.removeprefix("file://"))
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(CorruptObject, match="was changed"):
        load_model(lake, ref)


def fit_with_scorer() -> Any:
    """skops follows its scorer without an end."""
    return forging.fit("hist_gradient_boosting", early_stopping=True, scoring="roc_auc")


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(FunctionTransformer(os.getcwd), LogisticRegression()),
        make_pipeline(KMeans()),
        LogisticRegression(),
        {"a": "dictionary"},
        fit_with_scorer(),
    ],
)
def test_what_could_not_be_read_is_not_stored(model: Any, tmp_path: Path) -> None:
    with pytest.raises(NightshiftError, match="can't be stored"):
        store_model(FolderLake(tmp_path / "lake"), "shops", model, "one")
    assert not (tmp_path / "lake").exists()


def read(path: Path) -> str:
    """The reason of the refusal."""
    with pytest.raises(UnusableArtifact) as caught:
        read_model(path, "it")
    return str(caught.value)


def hide(owner: str, attribute: str, replacement: Node) -> Change:
    """Put a node in the place of an attribute."""

    def change(schema: Node, arrays: dict[str, bytes]) -> None:
        known = attributes(schema, owner)
        if attribute in known:
            known[attribute] = replacement
        else:
            add_attribute(find(schema, owner), attribute, replacement)
        drop_unused(schema, arrays)

    return change


EMPTY = node("ListNode", "builtins.list", content=[])
NO_ENTRIES = node("DictNode", "builtins.dict", content={}, key_types=EMPTY)
NOTHING = node("TupleNode", "builtins.tuple", content=[])
SYSTEM = node("FunctionNode", "os.system")
CHECK = node("FunctionNode", "sklearn.utils.validation.check_array")


def bind(function: Node, args: Node = NOTHING, namespace: Node | None = None) -> Node:
    content = {"func": function, "args": args, "kwds": NO_ENTRIES, "namespace": namespace or value(None)}
    return node("PartialNode", "functools.partial", content=content)


def generate(name: str, pool: int = 4) -> Node:
    text = node("TypeNode", "builtins.str")
    seed = {"entropy": value(1), "spawn_key": NOTHING, "pool_size": value(pool), "n_children_spawned": value(0)}
    content = {
        "bit_generator": node(
            "DictNode",
            "builtins.dict",
            content={"bit_generator": value(name)},
            key_types=node("ListNode", "builtins.list", content=[text]),
        ),
        "seed_seq": node(
            "DictNode",
            "builtins.dict",
            content=seed,
            key_types=node("ListNode", "builtins.list", content=[text] * 4),
        ),
    }
    return node("RandomGeneratorNode", "numpy.random._generator.Generator", content=content)


CALLER = node("OperatorFuncNode", "operator.methodcaller", attrs=NOTHING)
METHOD = node("MethodNode", "sklearn.linear_model._logistic.LogisticRegression", content={"func": "fit", "obj": EMPTY})
REDUCED = node("ConstructorFromReduceNode", "functools.partial", content=NOTHING)
NODES = {
    "a function of the system": (SYSTEM, "os.system .as FunctionNode. is not on the list"),
    "eval": (node("TypeNode", "builtins.eval"), "builtins.eval .as TypeNode. is not on the list"),
    "a method caller": (CALLER, "operator.methodcaller .as OperatorFuncNode. is not on the list"),
    "a bound method": (METHOD, "as MethodNode. is not on the list"),
    "a constructor": (REDUCED, "functools.partial .as ConstructorFromReduceNode. is not on the list"),
    "a list that is a function": (
        node("ListNode", "sklearn.utils.validation.check_array", content=[]),
        "check_array .as ListNode. is not on the list",
    ),
    "a dictionary that is a partial": (
        node("DictNode", "functools.partial", content={}, key_types=EMPTY),
        "functools.partial .as DictNode. is not on the list",
    ),
    "a partial of a type": (bind(node("TypeNode", "builtins.str")), "functools.partial is allowed for"),
    "a partial with arguments": (
        bind(CHECK, node("TupleNode", "builtins.tuple", content=[value("/etc/passwd")])),
        "functools.partial is allowed for",
    ),
    "a partial of a system function": (bind(SYSTEM), "os.system"),
    "an estimator of another kind": (
        node("ObjectNode", "sklearn.feature_extraction.text.CountVectorizer"),
        "CountVectorizer .as ObjectNode. is not on the list",
    ),
    "a type of skops' own list": (node("TypeNode", "builtins.map"), "builtins.map"),
    "a set": (node("SetNode", "builtins.set", content=[]), "builtins.set"),
    "bytes": (node("BytesNode", "builtins.bytes", file="0.npy"), "builtins.bytes"),
    "a reference to an earlier node": (node("CachedNode", "builtins.str", __id__=1), "CachedNode"),
    "a random generator of another name": (generate("seed"), "random generator"),
    "a random generator with a large pool": (generate("PCG64", 10**9), "random generator"),
    "a value that nests": (value([[1]]), "schema is malformed"),
    "a loss that is called with an object": (
        node(
            "LossNode",
            "sklearn._loss._loss.CyHalfBinomialLoss",
            __reduce__={"args": node("TupleNode", "builtins.tuple", content=[EMPTY])},
            content=NO_ENTRIES,
        ),
        "a loss has more than numbers",
    ),
    "a slice of text": (
        node("SliceNode", "builtins.slice", content={"start": "0", "stop": None, "step": None}),
        "a slice has something else",
    ),
    "a field that no reader knows": (value(1) | {"file": "../../etc/passwd"}, "schema is malformed"),
    "a node without a type": ({"__loader__": "ListNode", "content": []}, "schema is malformed"),
    "keys that are no types": (
        node("DictNode", "builtins.dict", content={"a": value(1)}, key_types=bind(CHECK)),
        "schema is malformed",
    ),
    "an array that is not there": (
        node("NdArrayNode", "numpy.ndarray", type="numpy", file="nowhere.npy"),
        "schema is malformed",
    ),
}


@pytest.mark.parametrize("case", NODES)
def test_a_node_that_no_model_of_ours_has_is_refused_by_name(case: str, tmp_path: Path) -> None:
    replacement, reason = NODES[case]
    path = forge(
        forging.fit_once("logistic"), tmp_path / "model.skops", hide("LogisticRegression", "l1_ratio", replacement)
    )
    with pytest.raises(UnusableArtifact, match=reason):
        read_model(path, "it")


def tree_arrays(schema: Node) -> Node:
    return find(schema, "TreeNode")["content"]["content"]


def edit_tree(edit: Any) -> Change:
    return lambda schema, arrays: edit_array(arrays, tree_arrays(schema)["nodes"]["file"], edit)


def edit_predictor(edit: Any) -> Change:
    return lambda schema, arrays: edit_array(arrays, attributes(schema, "TreePredictor")["nodes"]["file"], edit)


def assign(name: str, number: int) -> Any:
    def edit(nodes: np.ndarray) -> None:
        nodes[name][0] = number

    return edit


def categorise(bitset: int, categorical: bool = True) -> Any:
    def edit(nodes: np.ndarray) -> None:
        # The boosting's own order: categories first.
        nodes["feature_idx"][0] = 0 if categorical else 3
        nodes["is_categorical"][0], nodes["bitset_idx"][0] = 1, bitset

    return edit


def grow(schema: Node, arrays: dict[str, bytes]) -> None:
    tree_arrays(schema)["node_count"] = value(10**6)


def alias(schema: Node, arrays: dict[str, bytes]) -> None:
    """The tree says what is right, but its node has the id of one that says something else."""
    attributes(schema, "RandomForestClassifier")["verbose"] = value(10**6) | {"__id__": 9999}
    tree_arrays(schema)["node_count"]["__id__"] = 9999


def widen(schema: Node, arrays: dict[str, bytes]) -> None:
    attributes(schema, "RandomForestClassifier")["n_features_in_"] = value(99)


def expose_tree(schema: Node, arrays: dict[str, bytes]) -> None:
    attributes(schema, "RandomForestClassifier")["estimator"] = find(schema, "TreeNode")


def replace_member(schema: Node, arrays: dict[str, bytes]) -> None:
    attributes(schema, "RandomForestClassifier")["estimators_"]["content"][0] = find(schema, "TreeNode")


def select_more(schema: Node, arrays: dict[str, bytes]) -> None:
    """The preprocessor hands on fewer columns than the trees ask for."""
    preprocessor = attributes(schema, "HistGradientBoostingClassifier")["_preprocessor"]
    for numbers in attributes(preprocessor, "ColumnTransformer")["_transformer_to_input_indices"]["content"].values():
        numbers["content"] = []
    for found in list(forging.walk(preprocessor)):
        if found["__loader__"] == "NdArrayNode" and found.get("type") == "numpy":
            array = np.load(forging.io.BytesIO(arrays[found["file"]]))
            if array.dtype == bool:
                name = f"{len(arrays)}.npy"
                arrays[name] = forging.pack(np.zeros_like(array))
                found["file"] = name
    drop_unused(schema, arrays)


def select_twice(schema: Node, arrays: dict[str, bytes]) -> None:
    """In a data frame, the preprocessor selects by other numbers than its masks."""
    selected = attributes(attributes(schema, "HistGradientBoostingClassifier")["_preprocessor"], "ColumnTransformer")
    selected["_transformer_to_input_indices"]["content"]["numerical"]["content"] = [value(0)]


FOREST, BOOSTING = "random_forest", "hist_gradient_boosting"
TREES: dict[str, tuple[str, Change, str]] = {
    "a child outside of the tree": (FOREST, edit_tree(assign("left_child", 10**9)), "outside of itself"),
    "a child before the tree": (FOREST, edit_tree(assign("right_child", -7)), "outside of itself"),
    "a tree that never ends": (FOREST, edit_tree(assign("left_child", 0)), "outside of itself, or back"),
    "a feature that there is not": (FOREST, edit_tree(assign("feature", 10**6)), "asks for a feature"),
    "a negative feature": (FOREST, edit_tree(assign("feature", -3)), "asks for a feature"),
    "more nodes than there are": (FOREST, grow, "sizes that the tree claims"),
    "more nodes than there are, through an id": (FOREST, alias, "two different nodes have one id"),
    "a forest that lets more features pass": (FOREST, widen, "expects other features"),
    "a tree without its estimator": (FOREST, expose_tree, "a Tree outside of an estimator"),
    "a tree in the place of an estimator": (FOREST, replace_member, "expects other features"),
    "a method that is replaced": (
        FOREST,
        hide("RandomForestClassifier", "_validate_X_predict", bind(CHECK)),
        "hides its own method _validate_X_predict",
    ),
    "a boosted child outside": (BOOSTING, edit_predictor(assign("left", 2**32 - 1)), "outside of itself"),
    "a boosted tree that never ends": (BOOSTING, edit_predictor(assign("right", 0)), "outside of itself, or back"),
    "a boosted feature that there is not": (BOOSTING, edit_predictor(assign("feature_idx", 4)), "asks for a feature"),
    "a set of categories that there is not": (BOOSTING, edit_predictor(categorise(10**6)), "set of categories"),
    "categories of a number": (BOOSTING, edit_predictor(categorise(0, False)), "categories where there are none"),
    "a boosting that reads fewer columns": (BOOSTING, select_more, "bins other features than it reads"),
    "a boosting that reads other columns of a data frame": (
        BOOSTING,
        select_twice,
        "in a way that scikit-learn does not",
    ),
    "a boosting that claims to be in training": (
        BOOSTING,
        hide("HistGradientBoostingClassifier", "_in_fit", value(True)),
        "claims to be in training",
    ),
    "a boosting that prepares its input otherwise": (
        BOOSTING,
        hide("HistGradientBoostingClassifier", "_preprocessor", EMPTY),
        "prepares its input by a list",
    ),
}


@pytest.mark.parametrize("case", TREES)
def test_a_tree_that_would_crash_the_process_is_refused(case: str, tmp_path: Path) -> None:
    kind, change, reason = TREES[case]
    path = forge(forging.fit_once(kind), tmp_path / "model.skops", change)
    with pytest.raises(UnusableArtifact, match=reason):
        read_model(path, "it")


def set_protocol(number: Any) -> Change:
    return lambda schema, arrays: schema.update(protocol=number)


def nest(schema: Node, arrays: dict[str, bytes], levels: int = 200) -> None:
    inner = EMPTY
    for _ in range(levels):
        inner = node("ListNode", "builtins.list", content=[inner])
    attributes(schema, "LogisticRegression")["l1_ratio"] = inner


def become_list(schema: Node, arrays: dict[str, bytes]) -> None:
    inner = {key: schema.pop(key) for key in list(schema) if key not in ("protocol", "_skops_version")}
    schema.update(node("ListNode", "builtins.list", content=[inner]))


def add_pickle(schema: Node, arrays: dict[str, bytes]) -> None:
    first = next(iter(arrays))
    arrays[first] = forging.pack(np.array([Payload(Path("unused"))], dtype=object), allow_pickle=True)


def claim_shape(schema: Node, arrays: dict[str, bytes]) -> None:
    first = next(iter(arrays))
    arrays[first] = forging.pack(np.zeros(10**6))[:200]


def add_array(schema: Node, arrays: dict[str, bytes]) -> None:
    arrays["99.npy"] = forging.pack(np.zeros(3))


def add_escape(schema: Node, arrays: dict[str, bytes]) -> None:
    arrays["../escape.npy"] = forging.pack(np.zeros(3))


CONTENTS: dict[str, tuple[Change, str]] = {
    "an older protocol": (set_protocol(1), "protocol 1 of skops"),
    "a newer protocol": (set_protocol(3), "protocol 3 of skops"),
    "a protocol that is no number": (set_protocol(True), "protocol True of skops"),
    "a deep schema": (nest, "more than 100 levels deep"),
    "a list": (become_list, "holds a builtins.list, not a model"),
    "an array of pickles": (add_pickle, "may hide a pickle"),
    "an array that claims more bytes": (claim_shape, "does not have the bytes"),
    "an array that belongs to nothing": (add_array, "belongs to nothing"),
    "a name that leads elsewhere": (add_escape, "no model has"),
}


@pytest.mark.parametrize("case", CONTENTS)
def test_a_file_with_other_contents_is_refused(case: str, tmp_path: Path) -> None:
    change, reason = CONTENTS[case]
    path = forge(forging.fit_once("logistic"), tmp_path / "model.skops", change)
    with pytest.raises(UnusableArtifact, match=reason):
        read_model(path, "it")


class Payload:
    """Writes a file when it is unpickled."""

    def __init__(self, sentinel: Path) -> None:
        self.sentinel = sentinel

    def __reduce__(self) -> Any:
        return (Path.touch, (self.sentinel,))


@pytest.mark.guarantee(9)
@pytest.mark.parametrize("dump", [pickle.dump, joblib.dump])
def test_a_pickle_is_not_opened(dump: Any, tmp_path: Path) -> None:
    sentinel, path = tmp_path / "sentinel", tmp_path / "model.skops"
    with path.open("wb") as file:
        dump(Payload(sentinel), file)
    assert "it is no intact zip file" in read(path)
    assert not sentinel.exists()
    joblib.load(path)
    assert sentinel.exists()


def make_valid(path: Path) -> bytes:
    write_model(forging.fit_once("logistic"), path)
    return path.read_bytes()


@pytest.mark.guarantee(9)
def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.skops"
    content = make_valid(path)
    for length in (0, 10, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        assert "no intact zip file" in read(path)


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    bomb = {"schema.json": b" " * 10**8}
    path = forging.write_zip(tmp_path / "bomb.skops", bomb, zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 10**6
    assert "compressed or encrypted" in read(path)


def test_entries_that_share_bytes_are_refused(tmp_path: Path) -> None:
    """The directory says ten times that one entry's bytes are another entry's."""
    path = forging.write_zip(tmp_path / "model.skops", {"0.npy": bytes(10**5), "schema.json": b"{}"})
    content = path.read_bytes()
    start = content.index(b"PK\x01\x02")
    end = content.index(b"PK\x05\x06")
    first = content[start : content.index(b"PK\x01\x02", start + 4)]
    copies = [first.replace(b"0.npy", f"{number}.npy".encode()) for number in range(1, 10)]
    directory = content[start:end] + b"".join(copies)
    path.write_bytes(
        content[:start] + directory + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 11, 11, len(directory), start, 0)
    )
    assert "claim more bytes than the file has" in read(path)


def test_a_directory_without_end_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "model.skops"
    directory = bytes(17 * 2**20)
    path.write_bytes(directory + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 60000, 60000, len(directory), 0, 0))
    assert "too many" in read(path)


@pytest.mark.parametrize(
    ("entries", "reason"),
    [({"0.npy": b""}, "no schema.json"), ({"schema.json": b"[]"}, "is a list, not an object")],
)
def test_a_zip_without_a_schema_is_refused(entries: dict[str, bytes], reason: str, tmp_path: Path) -> None:
    assert reason in read(forging.write_zip(tmp_path / "model.skops", entries))


def test_json_that_nests_without_end_is_refused(tmp_path: Path) -> None:
    path = forging.write_zip(tmp_path / "model.skops", {"schema.json": b"[" * 10**6})
    assert "RecursionError" in read(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_entries_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.skops"
    make_valid(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("schema.json", "{}")
    assert "two entries of one name" in read(path)


@pytest.mark.parametrize("added", [b"PK", b"#!/bin/sh\n"])
def test_bytes_around_the_zip_are_refused(added: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.skops"
    content = make_valid(path)
    for around in (added + content, content + added):
        path.write_bytes(around)
        assert "refused" in read(path)
