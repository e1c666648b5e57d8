"""Writes tests/upgrade/stored/: small models, cards and tables as release 0.1 stored them. Not run by any test.

Its code is 0.1's, so run it in a checkout of commit c3368ea that `make demo` has run in, with LightGBM (and libgomp):
`cd CHECKOUT && PYTHONPATH=. .venv/bin/python -P HERE/write_fixtures.py HERE/stored`, then `make stop`.
Running it again writes the same models, byte for byte.
"""

import gzip
import hashlib
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

CLASSIFIERS = ("logistic", "random_forest", "hist_gradient_boosting", "lightgbm")
REGRESSORS = ("ridge", "random_forest", "hist_gradient_boosting", "lightgbm")
SMALL: dict[str, dict[str, Any]] = {
    "random_forest": {"n_estimators": 4, "max_depth": 4},
    "hist_gradient_boosting": {"max_iter": 6},
    "lightgbm": {"n_estimators": 6},
}
LOSSES = ("absolute_error", "poisson", "gamma", "quantile")
NUMERIC, CATEGORICAL = ("a", "b"), ("c", "d")
PREDICTED = 40


def draw_rows(count: int = 300) -> tuple[pd.DataFrame, np.ndarray]:
    """Two numbers and two categories, some missing, and a target of 0.0 and 1.0."""
    generator = np.random.default_rng(15)
    rows = pd.DataFrame(
        {
            "a": generator.normal(size=count),
            "b": generator.normal(size=count),
            "c": generator.choice(["x", "y", "z"], count),
            "d": generator.choice(["u", "v", None], count),
        }
    )
    rows.loc[::17, "a"] = np.nan
    return rows, (rows["b"] + (rows["c"] == "x") + generator.normal(size=count) > 0).to_numpy("float64")


def fit(kind: str, task: Any, **parameters: Any) -> Any:
    """A small model of the kind."""
    from include.core.estimators import fit_model, make_model

    rows, target = draw_rows()
    if task == "regression":
        target = target + rows["b"].abs().to_numpy() + 0.1
    model = make_model(kind, task, NUMERIC, CATEGORICAL, {**SMALL.get(kind, {}), **parameters}, seed=7)
    return fit_model(model, rows, target)


def calibrate(model: Any, method: Any) -> Any:
    """The model with a correction of its probabilities."""
    from include.core.calibration import CalibratedClassifier, fit_calibrator

    rows, target = draw_rows()
    return CalibratedClassifier(model, fit_calibrator(method, target, model.predict_proba(rows)[:, 1]), method)


def make_models() -> Iterator[tuple[str, str, Any]]:
    """Name, task and model: each kind for each task, each correction, each loss."""
    for kind in CLASSIFIERS:
        model = fit(kind, "classification")
        yield f"{kind}_classifier", "classification", model
        for method in ("sigmoid", "isotonic"):
            yield f"{kind}_classifier_{method}", "classification", calibrate(model, method)
    for kind in REGRESSORS:
        yield f"{kind}_regressor", "regression", fit(kind, "regression")
    for loss in LOSSES:
        quantile = {"quantile": 0.3} if loss == "quantile" else {}
        model = fit("hist_gradient_boosting", "regression", loss=loss, max_iter=3, **quantile)
        yield f"hist_gradient_boosting_regressor_{loss}", "regression", model


def store_models(folder: Path) -> dict[str, Any]:
    """Write each model; by name, its task, hash and scores (float.hex, so exactly), and those of its tables."""
    from include.core.estimators import predict_scores
    from include.io.artifacts import write_model

    rows = draw_rows()[0].head(PREDICTED)
    expected = {}
    for name, task, model in make_models():
        path = folder / f"{name}.skops"
        write_model(model, path)
        expected[name] = {
            "task": task,
            "sha256": hash_bytes(path.read_bytes()),
            "scores": [float(score).hex() for score in predict_scores(model, task, rows)],
            **describe_tables(model, task),
        }
    return expected


def describe_tables(model: Any, task: Any) -> dict[str, Any]:
    """What the registry keeps of the model's tables: kind and hash."""
    from include.core.predictors import make_predictor

    made = make_predictor(model, task, NUMERIC, CATEGORICAL)
    return {"predictor": made.kind, "predictor_sha256": made.sha256}


def store_cards(lake: Path, folder: Path) -> dict[str, str]:
    """Copy the cards of the demo's first version; their hashes by file name."""
    hashes = {}
    for path in sorted(lake.glob("cards/churn/1/*/*")):
        shutil.copyfile(path, folder / path.name)
        hashes[path.name] = hash_bytes(path.read_bytes())
    return hashes


def read_tables() -> dict[str, Any]:
    """Of the demo: the rows of each table (without the scores), and what `nightshift models` makes of them."""
    from include.config.loading import load_named_pipeline
    from include.local.house import open_house
    from include.steps.models import list_models
    from sqlalchemy import text

    resources = open_house(migrate=False)
    names = (
        "select table_schema || '.' || table_name from information_schema.tables "
        "where table_schema in ('ml', 'monitoring') and table_type = 'BASE TABLE' order by 1"
    )
    with resources.warehouse.begin() as connection:
        tables = {
            table: list(connection.execute(text(f"select to_jsonb(t) from {table} t order by 1")).scalars())
            for table in connection.execute(text(names)).scalars()
        }
    return {"tables": tables, "models": list_models(load_named_pipeline("churn"), resources)}


def hash_bytes(content: bytes) -> str:
    """As the ledger and the registry record it."""
    return hashlib.sha256(content).hexdigest()


def main() -> None:
    """Write everything anew."""
    folder = Path(sys.argv[1])
    shutil.rmtree(folder, ignore_errors=True)
    for inner in ("models", "cards"):
        (folder / inner).mkdir(parents=True)
    rows = draw_rows()[0].head(PREDICTED)
    numbers = {name: [value.hex() for value in rows[name]] for name in NUMERIC}
    texts = {name: [None if pd.isna(value) else value for value in rows[name]] for name in CATEGORICAL}
    expected = {
        "rows": {**numbers, **texts},
        "models": store_models(folder / "models"),
        "cards": store_cards(Path(".nightshift/lake"), folder / "cards"),
    }
    content = json.dumps(read_tables(), sort_keys=True).encode()
    (folder / "warehouse.json.gz").write_bytes(gzip.compress(content, mtime=0))
    (folder / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
