"""Feature columns -> numbers, as each family of estimators likes them. Fitted with the model, so shipped with it."""

from collections.abc import Sequence

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

# HistGradientBoosting bins at most 255 values of a category, one of them for the missing.
MAX_CATEGORIES = 254
RARE_ROWS = 20


def encode_ordinal() -> OrdinalEncoder:
    """Categories as codes, NaN where missing, new or beyond the most that boosted trees take."""
    return OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=np.nan,
        encoded_missing_value=np.nan,
        max_categories=MAX_CATEGORIES,
    )


def encode_for_trees(numeric: Sequence[str], categorical: Sequence[str]) -> ColumnTransformer:
    """Numbers as they are; categories as codes behind them, NaN where missing or new."""
    return ColumnTransformer(
        [("numeric", "passthrough", list(numeric)), ("categorical", encode_ordinal(), list(categorical))],
        verbose_feature_names_out=False,
    )


def encode_for_forest(numeric: Sequence[str], categorical: Sequence[str]) -> ColumnTransformer:
    """Numbers with their median where missing, and a mark; categories as codes, -1 where missing or new."""
    impute = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    ordinal = Pipeline([("encode", encode_ordinal()), ("impute", SimpleImputer(strategy="constant", fill_value=-1.0))])
    return ColumnTransformer(
        [("numeric", impute, list(numeric)), ("categorical", ordinal, list(categorical))],
        verbose_feature_names_out=False,
    )


def encode_for_lines(numeric: Sequence[str], categorical: Sequence[str]) -> ColumnTransformer:
    """Numbers to mean 0 and variance 1, with a mark where missing; categories one-hot, rare ones together."""
    scale = Pipeline(
        [
            ("impute", SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)),
            ("scale", StandardScaler()),
        ]
    )
    one_hot = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=RARE_ROWS, sparse_output=False)
    return ColumnTransformer(
        [("numeric", scale, list(numeric)), ("categorical", one_hot, list(categorical))],
        verbose_feature_names_out=False,
    )
