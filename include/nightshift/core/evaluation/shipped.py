"""The metrics that ship. Cards and pages list a task's metrics in this order."""

from nightshift.extension.later import later
from nightshift.extension.metrics import METRICS, Metric
from nightshift.extension.tasks import BINARY, REGRESSION

FUNCTIONS = "nightshift.core.evaluation.metrics"
WEIGHTED = "nightshift.core.evaluation.weighted_metrics"
ESTIMATES = "nightshift.core.performance.estimates"

METRICS.register(
    Metric(
        "roc_auc",
        (BINARY,),
        later(FUNCTIONS, "measure_roc_auc"),
        higher_is_better=True,
        needs_variation=True,
        ranks=True,
        title="ROC AUC",
        standard=True,
        bind=later(WEIGHTED, "bind_roc_auc"),
        estimate=later(ESTIMATES, "estimate_roc_auc"),
    )
)
METRICS.register(
    Metric(
        "average_precision",
        (BINARY,),
        later(FUNCTIONS, "measure_average_precision"),
        higher_is_better=True,
        needs_variation=True,
        ranks=True,
        title="average precision",
        standard=True,
        bind=later(WEIGHTED, "bind_average_precision"),
        estimate=later(ESTIMATES, "estimate_average_precision"),
    )
)
METRICS.register(
    Metric(
        "log_loss",
        (BINARY,),
        later(FUNCTIONS, "measure_log_loss"),
        title="log loss",
        standard=True,
        bind=later(WEIGHTED, "bind_log_loss"),
        losses=later(WEIGHTED, "take_log_losses"),
        estimate=later(ESTIMATES, "estimate_log_loss"),
    )
)
METRICS.register(
    Metric(
        "brier",
        (BINARY,),
        later("sklearn.metrics", "mean_squared_error"),
        title="Brier score",
        standard=True,
        bind=later(WEIGHTED, "bind_squared_error"),
        estimate=later(ESTIMATES, "estimate_brier"),
    )
)
METRICS.register(
    Metric(
        "r2",
        (REGRESSION,),
        later("sklearn.metrics", "r2_score"),
        higher_is_better=True,
        needs_variation=True,
        title="R²",
        standard=True,
        bind=later(WEIGHTED, "bind_r2"),
    )
)
METRICS.register(
    Metric(
        "rmse",
        (REGRESSION,),
        later(FUNCTIONS, "measure_rmse"),
        title="RMSE",
        standard=True,
        bind=later(WEIGHTED, "bind_rmse"),
    )
)
METRICS.register(
    Metric(
        "mae",
        (REGRESSION,),
        later("sklearn.metrics", "mean_absolute_error"),
        title="MAE",
        standard=True,
        bind=later(WEIGHTED, "bind_absolute_error"),
        losses=later(WEIGHTED, "take_absolute_errors"),
    )
)
