"""Tables give the scores of the model that they were made of, whatever the rows; every other model scores itself."""

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OrdinalEncoder, StandardScaler

from nightshift.core.estimators.kinds import fit_model, make_model, predict_scores
from nightshift.core.predictors import NativePredictor, Predictor, TablesPredictor, make_predictor, measure_parity
from nightshift.core.predictors.predictor import BLOCK_ROWS
from nightshift.core.training.calibration import CalibratedClassifier, Correction, fit_calibrator

NUMERIC, CATEGORICAL = ("spent", "visits", "member"), ("shop", "day")
FEATURES = [*NUMERIC, *CATEGORICAL]
SHOPS = ["north", "south", "", "nan", "Ünï ☃", "a\0b", *(f"shop {number}" for number in range(60))]
DAYS = ["mon", "tue", None]
# Each kind of tree: one word, several words, deep ones, stumps, trees that are a leaf, many trees.
SHAPES: dict[str, dict[str, Any]] = {
    "usual": {"max_iter": 40},
    "many leaves": {"max_iter": 12, "max_leaf_nodes": 127, "max_depth": None, "min_samples_leaf": 1},
    "33 leaves": {"max_iter": 12, "max_leaf_nodes": 33, "min_samples_leaf": 1},
    "stumps": {"max_iter": 300, "max_leaf_nodes": 2},
    "leaves only": {"max_iter": 3, "min_samples_leaf": 5000},
}


def draw_table(rows: int, seed: int = 0) -> pa.Table:
    generator = np.random.default_rng(seed)
    spent = generator.gamma(2.0, 10.0, rows).round(1)
    spent[generator.random(rows) < 0.1] = np.nan
    return pa.table(
        {
            "spent": pa.array(spent, from_pandas=True),
            "visits": pa.array(generator.integers(0, 2**60, rows).astype(float)),
            "member": pa.array(generator.integers(0, 2, rows).astype(float)),
            "shop": pa.array(generator.choice(np.array([*SHOPS[:-20], None], dtype=object), rows), pa.string()),
            "day": pa.array(generator.choice(np.array(DAYS, dtype=object), rows), pa.string()),
        }
    )


def draw_target(table: pa.Table, task: str) -> np.ndarray:
    frame = table.to_pandas()
    signal = frame["spent"].fillna(50) + 20 * frame["shop"].str.len().fillna(3) + 9 * (frame["day"] == "mon")
    signal += np.random.default_rng(5).normal(0, 5, len(frame))
    return np.asarray(signal if task == "regression" else signal > signal.median(), dtype=float)


@lru_cache
def fit(shape: str, task: str) -> Any:
    table = draw_table(3000)
    model = make_model("hist_gradient_boosting", task, NUMERIC, CATEGORICAL, SHAPES[shape], 1)
    return model.fit(table.to_pandas(), draw_target(table, task))


@lru_cache
def make(shape: str, task: str) -> TablesPredictor:
    predictor = make_predictor(fit(shape, task), task, NUMERIC, CATEGORICAL)
    assert isinstance(predictor, TablesPredictor), predictor.reason
    return predictor


def make_batch(table: pa.Table) -> pa.RecordBatch:
    return table.combine_chunks().to_batches()[0]


def assert_same(predictor: Predictor, model: Any, task: str, batch: pa.RecordBatch) -> None:
    expected = predict_scores(model, task, batch.select(FEATURES).to_pandas())
    np.testing.assert_array_equal(predictor.predict(batch), expected)


NUMBERS = st.none() | st.floats() | st.integers(-3, 90).map(float) | st.sampled_from([2.0**53 + 2, 1e308, -0.0, 5e-324])
WHOLE = st.none() | st.integers(-(2**63), 2**63 - 1) | st.sampled_from([2**53 + 1, 2**59 + 1, 0])
TEXT = st.none() | st.sampled_from(SHOPS) | st.text(st.characters(exclude_categories=["Cs"]), max_size=3)


@st.composite
def draw_batches(draw: st.DrawFn) -> pa.RecordBatch:
    """Every type that Arrow may hand over, with whatever is in it; sliced, as batches of a stream are."""
    rows = draw(st.integers(1, 12))

    def column(values: st.SearchStrategy[Any], kinds: Sequence[Any]) -> pa.Array:
        return pa.array(draw(st.lists(values, min_size=rows, max_size=rows)), draw(st.sampled_from(kinds)))

    numbers = [
        column(NUMBERS, [pa.float64()]),
        column(WHOLE, [pa.int64()]) if draw(st.booleans()) else column(NUMBERS, [pa.float64()]),
        column(st.none() | st.booleans(), [pa.bool_()]),
    ]
    texts = []
    for _ in CATEGORICAL:
        text = column(TEXT, [pa.string(), pa.large_string()])
        texts.append(text.dictionary_encode() if draw(st.booleans()) else text)
    batch = pa.RecordBatch.from_arrays([*numbers, *texts], names=FEATURES)
    return batch.slice(draw(st.integers(0, rows - 1)))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_tables_give_the_models_own_scores_to_the_bit(shape: str, task: str) -> None:
    predictor, table = make(shape, task), draw_table(2000, seed=9)
    assert_same(predictor, fit(shape, task), task, make_batch(table))
    parity = measure_parity(predictor, table.slice(0, 300), NUMERIC, seed=3)
    assert (parity.kind, parity.difference, parity.rows) == ("tables", 0.0, 4300)


@settings(max_examples=60, deadline=None)
@given(draw_batches(), st.sampled_from([("usual", "classification"), ("many leaves", "regression")]))
def test_whatever_is_in_a_batch_the_scores_are_the_models_own(batch: pa.RecordBatch, which: tuple[str, str]) -> None:
    assert_same(make(*which), fit(*which), which[1], batch)


def test_the_trees_of_the_tests_are_of_every_kind() -> None:
    """Otherwise the tests above say little."""
    nodes = [predictor.nodes for (predictor,) in fit("many leaves", "regression")[-1]._predictors]
    assert max(int(tree["is_leaf"].sum()) for tree in nodes) == 127
    assert any(tree["is_categorical"].any() for tree in nodes) and any(tree["depth"].max() > 10 for tree in nodes)
    assert all(len(predictor.nodes) == 1 for (predictor,) in fit("leaves only", "regression")[-1]._predictors)
    assert len(make("stumps", "regression").tables.blocks) > 2


def test_many_rows_at_once_and_threads_change_nothing() -> None:
    predictor = make("usual", "classification")
    batch = make_batch(draw_table(2 * BLOCK_ROWS + 7, seed=2))
    whole = predictor.predict(batch)
    with ThreadPoolExecutor(3) as threads:
        pieces = threads.map(lambda first: predictor.predict(batch.slice(first, 5000)), range(0, len(batch), 5000))
        np.testing.assert_array_equal(np.concatenate(list(pieces)), whole)
    assert_same(predictor, fit("usual", "classification"), "classification", batch)


@pytest.mark.parametrize("make_empty", [lambda batch: batch.slice(0, 0), lambda batch: batch.slice(len(batch))])
def test_no_rows_give_no_scores(make_empty: Any) -> None:
    empty = make_empty(make_batch(draw_table(3)))
    predictor = make("usual", "regression")
    assert predictor.predict(empty).shape == predictor.native.predict(empty).shape == (0,)


def test_a_type_that_tables_do_not_know_goes_to_the_model() -> None:
    batch = make_batch(draw_table(50, seed=4))
    decimals = batch.column("spent").cast(pa.decimal128(20, 1))
    batch = batch.set_column(batch.schema.get_field_index("spent"), "spent", decimals)
    assert_same(make("usual", "regression"), fit("usual", "regression"), "regression", batch)


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_a_corrected_model_keeps_its_correction(method: Correction) -> None:
    model, table = fit("usual", "classification"), draw_table(1500, seed=6)
    plain = predict_scores(model, "classification", table.to_pandas())
    calibrator = fit_calibrator(method, draw_target(table, "classification"), plain)
    corrected = CalibratedClassifier(model, calibrator, method)
    predictor = make_predictor(corrected, "classification", NUMERIC, CATEGORICAL)
    assert predictor.kind == "tables"
    assert (predictor.predict(make_batch(table)) != plain).any()
    assert_same(predictor, corrected, "classification", make_batch(table))


def make_imputing(*, indicate: bool, categorical: Sequence[int] | None) -> Any:
    impute = SimpleImputer(strategy="median", add_indicator=indicate)
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2)
    columns = ColumnTransformer([("numbers", impute, list(NUMERIC)), ("codes", codes, list(CATEGORICAL))])
    trees = HistGradientBoostingClassifier(max_iter=20, categorical_features=categorical, random_state=1)
    return Pipeline([("columns", columns), ("model", trees)])


@pytest.mark.parametrize("indicate", [False, True])
@pytest.mark.parametrize("categorical", [None, (3,)])
def test_imputing_and_codes_as_numbers_are_part_of_the_tables(indicate: bool, categorical: Any) -> None:
    table = draw_table(1500)
    if indicate and categorical:
        categorical = (4,)  # behind the indicator of `spent`
    model = make_imputing(indicate=indicate, categorical=categorical)
    model.fit(table.to_pandas(), draw_target(table, "classification"))
    predictor = make_predictor(model, "classification", NUMERIC, CATEGORICAL)
    assert predictor.kind == "tables", predictor.reason
    assert measure_parity(predictor, table, NUMERIC, seed=1).difference == 0.0
    infinite = table.slice(0, 3).set_column(0, "spent", pa.array([1.0, np.inf, None]))
    with pytest.raises(ValueError, match="infinity"):
        predictor.predict(make_batch(infinite))


@pytest.mark.parametrize(
    ("kind", "parameters", "reason"),
    [
        ("logistic", {}, "a LogisticRegression has no tables"),
        ("random_forest", {"n_estimators": 3}, "a RandomForestClassifier has no tables"),
        ("hist_gradient_boosting", {"max_iter": 5}, "MiB"),
    ],
)
def test_a_model_that_has_no_tables_scores_itself(
    kind: str, parameters: dict[str, Any], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nightshift.core.predictors.lookup_tables.MAX_BYTES", 1000)
    table = draw_table(800)
    model = make_model(kind, "classification", NUMERIC, CATEGORICAL, parameters, 1)
    fit_model(model, table.to_pandas(), draw_target(table, "classification"))
    predictor = make_predictor(model, "classification", NUMERIC, CATEGORICAL)
    assert (predictor.kind, predictor.sha256) == ("native", None) and reason in predictor.reason
    assert_same(predictor, model, "classification", make_batch(table))
    assert measure_parity(predictor, table, NUMERIC, seed=1).difference is None


def test_a_step_that_changes_numbers_has_no_tables() -> None:
    table = draw_table(300)
    columns = ColumnTransformer([("scaled", StandardScaler(), ["spent"])])
    model = Pipeline([("columns", columns), ("model", HistGradientBoostingClassifier(max_iter=2))])
    model.fit(table.to_pandas(), draw_target(table, "classification"))
    predictor = make_predictor(model, "classification", ["spent"], [])
    assert predictor.kind == "native" and "a StandardScaler in front of the trees" in predictor.reason


def test_without_numba_the_model_scores_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nightshift.core.predictors.kernel", None)
    monkeypatch.delattr("nightshift.core.predictors.kernel", raising=False)
    predictor = make_predictor(fit("usual", "regression"), "regression", NUMERIC, CATEGORICAL)
    assert isinstance(predictor, NativePredictor) and "numba can't be imported" in predictor.reason


def test_where_nothing_compiled_can_be_kept_the_loops_work_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on an installation that can't be written to, by a user without a home."""
    from numba.core import caching, types

    from nightshift.core.predictors import kernel

    monkeypatch.setattr(caching.CacheImpl, "_locator_classes", [])
    monkeypatch.setattr(kernel, "not_kept", [])

    @kernel._compile(kernel._write(types.float64))
    def double(values: np.ndarray) -> None:
        values *= 2

    values = np.array([1.0, 2.0])
    double(values)
    assert values.tolist() == [2.0, 4.0]
    made = make_predictor(fit("usual", "regression"), "regression", NUMERIC, CATEGORICAL)
    assert made.kind == "tables" and "no locator available" in made.not_kept


def test_equal_models_have_equal_tables_and_others_have_not() -> None:
    made = make_predictor(fit("usual", "regression"), "regression", NUMERIC, CATEGORICAL)
    assert made.sha256 == make("usual", "regression").sha256
    others = {make(shape, task).sha256 for shape in SHAPES for task in ("classification", "regression")}
    assert len(others) == 2 * len(SHAPES)


@pytest.mark.parametrize("name", ["masks", "leaves", "starts", "first_words", "baseline", "columns"])
def test_the_hash_covers_whatever_a_score_depends_on(name: str) -> None:
    tables = make("usual", "regression").tables
    value = getattr(tables, name)
    if name == "columns":
        other: Any = (*value[:-1], replace(value[-1], categories=value[-1].categories[::-1]))
    elif name == "baseline":
        other = np.nextafter(value, np.inf)
    else:
        other = value.copy()
        other.flat[-1] += 1
    assert replace(tables, **{name: other}).compute_sha256() != tables.compute_sha256()


@pytest.mark.parametrize(
    ("name", "worst"), [("leaves", "golden rows"), ("missing", "missing values"), ("unseen", "unseen categories")]
)
def test_wrong_tables_are_found_on_the_rows_that_show_it(name: str, worst: str) -> None:
    """The golden rows have no missing value and no unseen category."""
    model = fit("usual", "regression")
    predictor = make_predictor(model, "regression", NUMERIC, CATEGORICAL)
    assert isinstance(predictor, TablesPredictor)
    tables = predictor.tables
    broken = {field: getattr(tables, field).copy() for field in ("masks", "leaves")}
    if name == "leaves":
        broken["leaves"][0, :] += 1e-6
    else:
        places = [place for place, column in enumerate(tables.columns) if column.name in CATEGORICAL]
        offset = 2 if name == "missing" else 1
        for place in places:
            line = tables.starts[place] + tables.columns[place].bins - offset
            known = tables.masks[tables.starts[place] : line - 1]
            broken["masks"][line] = known[(known != tables.masks[line]).sum(axis=1).argmax()]
    predictor.tables = replace(tables, **broken)
    golden = pa.Table.from_pandas(draw_table(800, seed=8).to_pandas().dropna(), preserve_index=False)
    parity = measure_parity(predictor, golden, NUMERIC, seed=1)
    assert parity.difference is not None and parity.difference > 1e-9
    assert parity.worst == worst or name == "leaves"


def test_the_same_seed_draws_the_same_rows() -> None:
    from nightshift.core.predictors.parity import draw_rows

    drawn = [list(draw_rows(make("usual", "regression"), draw_table(100), NUMERIC, seed=4)) for _ in range(2)]
    assert next(kind for kind, _ in drawn[0]) == "golden rows"
    for (_, first), (_, second) in zip(*drawn, strict=True):
        pd.testing.assert_frame_equal(first.to_pandas(), second.to_pandas())
