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
        types=("sklearn.linear_model._logistic.LogisticRegression",),
    )
)
ESTIMATORS.register(
    Estimator(
        "ridge",
        {REGRESSION: later("sklearn.linear_model", "Ridge")},
        later(ENCODERS, "encode_for_lines"),
        types=("sklearn.linear_model._ridge.Ridge",),
    )
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
        types=(
            "sklearn.ensemble._forest.RandomForestClassifier",
            "sklearn.ensemble._forest.RandomForestRegressor",
            "sklearn.tree._classes.DecisionTreeClassifier",
            "sklearn.tree._classes.DecisionTreeRegressor",
        ),
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
        types=(
            "sklearn._loss.link.HalfLogitLink",
            "sklearn._loss.link.IdentityLink",
            "sklearn._loss.link.Interval",
            "sklearn._loss.link.LogLink",
            "sklearn._loss.link.LogitLink",
            "sklearn._loss.loss.AbsoluteError",
            "sklearn._loss.loss.HalfBinomialLoss",
            "sklearn._loss.loss.HalfGammaLoss",
            "sklearn._loss.loss.HalfPoissonLoss",
            "sklearn._loss.loss.HalfSquaredError",
            "sklearn._loss.loss.PinballLoss",
            "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
            "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingClassifier",
            "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingRegressor",
            "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        ),
    )
)
ESTIMATORS.register(
    Estimator(
        "lightgbm",
        {BINARY: later(LIGHTGBM, "LightGbmClassifier"), REGRESSION: later(LIGHTGBM, "LightGbmRegressor")},
        later(ENCODERS, "encode_for_trees"),
        place_codes=lambda positions: {"categorical_features": positions},
        require_library=later(LIGHTGBM, "load_library"),
        libraries=("lightgbm",),
        types=("nightshift.estimators.LightGbmClassifier", "nightshift.estimators.LightGbmRegressor"),
    )
)
