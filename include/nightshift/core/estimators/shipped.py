"""The kinds of estimator that ship."""

from nightshift.extension.estimators import ESTIMATORS, Estimator
from nightshift.extension.later import later
from nightshift.extension.tasks import BINARY, REGRESSION

ENCODERS = "nightshift.core.estimators.encoders"
LIGHTGBM = "nightshift.core.estimators.lightgbm"

ESTIMATORS.register(
    Estimator(
        "logistic",
        {BINARY: later("sklearn.linear_model", "LogisticRegression")},
        later(ENCODERS, "encode_for_lines"),
        {"max_iter": 500},
    )
)
ESTIMATORS.register(
    Estimator("ridge", {REGRESSION: later("sklearn.linear_model", "Ridge")}, later(ENCODERS, "encode_for_lines"))
)
ESTIMATORS.register(
    Estimator(
        "random_forest",
        {
            BINARY: later("sklearn.ensemble", "RandomForestClassifier"),
            REGRESSION: later("sklearn.ensemble", "RandomForestRegressor"),
        },
        later(ENCODERS, "encode_for_forest"),
        {"n_estimators": 200, "min_samples_leaf": 5, "n_jobs": -1},
    )
)
ESTIMATORS.register(
    Estimator(
        "hist_gradient_boosting",
        {
            BINARY: later("sklearn.ensemble", "HistGradientBoostingClassifier"),
            REGRESSION: later("sklearn.ensemble", "HistGradientBoostingRegressor"),
        },
        later(ENCODERS, "encode_for_trees"),
        {"early_stopping": False},
        place_codes=lambda positions: {"categorical_features": positions or None},
    )
)
ESTIMATORS.register(
    Estimator(
        "lightgbm",
        {BINARY: later(LIGHTGBM, "LightGbmClassifier"), REGRESSION: later(LIGHTGBM, "LightGbmRegressor")},
        later(ENCODERS, "encode_for_trees"),
        place_codes=lambda positions: {"categorical_features": positions},
        require_library=later(LIGHTGBM, "load_library"),
    )
)
