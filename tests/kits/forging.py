"""Models to store, and files that only look like them."""

import io
import json
import sys
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, ZipFile

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from nightshift.core.estimators.kinds import fit_model, make_model
from nightshift.core.training.calibration import CalibratedClassifier, fit_calibrator
from nightshift.extension.estimators import ESTIMATORS
from nightshift.io.artifacts import write_model
from nightshift.io.lake.base import hash_file

Node = dict[str, Any]
Change = Callable[[Node, dict[str, bytes]], None]
# Of what needs no extra library.
KINDS = tuple(
    (estimator.name, task) for estimator in ESTIMATORS if not estimator.libraries for task in estimator.factories
)
SMALL = {"random_forest": {"n_estimators": 5}, "hist_gradient_boosting": {"max_iter": 5}}


def draw_data(rows: int = 300) -> tuple[pd.DataFrame, np.ndarray]:
    """Two numbers and two categories, some missing, and a target of 0.0 and 1.0."""
    generator = np.random.default_rng(3)
    a, b, c = generator.normal(size=rows), generator.normal(size=rows), generator.choice(["x", "y", "z"], rows)
    frame = pd.DataFrame({"a": a, "b": b, "c": c, "d": generator.choice(["u", "v", None], rows)})
    frame.loc[::17, "a"] = np.nan
    return frame, (frame["b"] + (c == "x") + generator.normal(size=rows) > 0).to_numpy("float64")


def fit(kind: str, task: Any = "classification", **parameters: Any) -> Pipeline:
    """A small fitted model of that kind."""
    settings = {**SMALL.get(kind, {}), **parameters}
    return fit_model(make_model(kind, task, ["a", "b"], ["c", "d"], settings, seed=7), *draw_data())


# For tests that leave the model as it is.
fit_once = lru_cache(fit)


def calibrate(model: Pipeline, method: Any = "isotonic") -> CalibratedClassifier:
    """The model with a correction of its probabilities."""
    rows, target = draw_data()
    return CalibratedClassifier(model, fit_calibrator(method, target, model.predict_proba(rows)[:, 1]), method)


def forge(model: Any, path: Path, change: Change) -> Path:
    """Write the model, let `change` edit its schema and its arrays by name, and put them together again.

    No two nodes are one object any more, so that a change of one of them is no contradiction.
    """
    write_model(model, path)
    with ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(entries.pop("schema.json"))
    for found in walk(schema):
        found.pop("__id__", None)
    change(schema, entries)
    write_zip(path, {"schema.json": json.dumps(schema).encode(), **entries})
    return path


def write_zip(path: Path, entries: dict[str, bytes], compression: int = ZIP_STORED) -> Path:
    """The entries as a zip file."""
    with ZipFile(path, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def walk(value: Any) -> Iterator[Node]:
    """All nodes of a schema."""
    if isinstance(value, dict):
        if "__loader__" in value:
            yield value
        for inner in value.values():
            yield from walk(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from walk(inner)


def find(schema: Node, name: str) -> Node:
    """The first node of that loader or class."""
    return next(node for node in walk(schema) if name in (node["__loader__"], node["__class__"]))


def attributes(schema: Node, name: str) -> Node:
    """The attributes of the first object of that class, by name."""
    return find(schema, name)["content"]["content"]


def add_attribute(owner: Node, name: str, value: Node) -> None:
    """One more attribute of an object's node."""
    owner["content"]["content"][name] = value
    owner["content"]["key_types"]["content"].append(node("TypeNode", "builtins.str"))


def node(loader: str, name: str, **fields: Any) -> Node:
    """A node of that kind and type."""
    module, _, kind = name.rpartition(".")
    return {"__class__": kind, "__module__": module, "__loader__": loader, **fields}


def value(content: Any) -> Node:
    """A plain value."""
    return node("JsonNode", "builtins.str", content=json.dumps(content), is_json=True)


def drop_unused(schema: Node, arrays: dict[str, bytes]) -> None:
    """Remove the arrays that no node asks for."""
    for name in set(arrays) - {found["file"] for found in walk(schema) if "file" in found}:
        del arrays[name]


def edit_array(arrays: dict[str, bytes], name: str, edit: Callable[[np.ndarray], Any]) -> None:
    """Change an array of the file in place."""
    array = np.load(io.BytesIO(arrays[name]))
    edit(array)
    arrays[name] = pack(array)


def pack(array: np.ndarray, allow_pickle: bool = False) -> bytes:
    """An array as a NumPy file."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=allow_pickle)
    return buffer.getvalue()


def fit_sharing() -> tuple[Pipeline, StandardScaler]:
    """A model in which one fitted object is used twice."""
    rows, target = draw_data()
    scaler = StandardScaler().fit(rows[["b"]])
    model = Pipeline(
        [("columns", ColumnTransformer([("b", scaler, ["b"])])), ("model", fit("ridge", "regression")[-1])]
    )
    model.fit(rows, target)
    model.steps[0][1].transformers[0] = ("b", scaler, ["b"])
    model.steps[0][1].transformers_[0] = ("b", scaler, ["b"])
    return model, scaler


def main() -> None:
    """Fit one model of each kind and print the hashes of their files."""
    folder = Path(sys.argv[1])
    for number, (kind, task) in enumerate(KINDS):
        write_model(fit(kind, task), folder / f"{number}.skops")
    write_model(calibrate(fit("random_forest")), folder / "isotonic.skops")
    write_model(calibrate(fit("logistic"), "sigmoid"), folder / "sigmoid.skops")
    print(json.dumps({path.name: hash_file(path) for path in folder.iterdir()}))


if __name__ == "__main__":
    main()
