"""The measures that ship besides the distances: missing values and new categories."""

from nightshift.extension.drift_measures import DRIFT_MEASURES, DriftMeasure
from nightshift.extension.later import later

CHANCE = "nightshift.core.drift.null_distribution"
COLUMNS = "nightshift.core.drift.columns"

DRIFT_MEASURES.register(
    DriftMeasure(
        "missing",
        ("numeric", "categorical", "prediction"),
        "missing values rose by",
        0.1,
        later(COLUMNS, "measure_rise_of_missing"),
        later(CHANCE, "bind_missing"),
        limit_field="missing_limit",
    )
)
DRIFT_MEASURES.register(
    DriftMeasure(
        "new_categories",
        ("categorical",),
        "new categories",
        0.05,
        later(COLUMNS, "measure_new_share"),
        later(CHANCE, "bind_new_categories"),
        limit_field="new_limit",
    )
)
