"""The distances that ship, one for each kind of column: Evidently's own figures, and their chance."""

from nightshift.extension.drift_measures import DRIFT_MEASURES, DriftMeasure
from nightshift.extension.later import later

CHANCE = "nightshift.core.drift.null_distribution"
EVIDENTLY = "nightshift.io.vendors.evidently"

# Distances, not p-values: they do not flip with the sample's size.
DRIFT_MEASURES.register(
    DriftMeasure(
        "wasserstein",
        ("numeric", "prediction"),
        "distance",
        0.1,
        later(EVIDENTLY, "measure_numbers"),
        later(CHANCE, "bind_numbers"),
        limit_field="column_limit",
        primary=True,
    )
)
DRIFT_MEASURES.register(
    DriftMeasure(
        "jensenshannon",
        ("categorical",),
        "distance",
        0.1,
        later(EVIDENTLY, "measure_categories"),
        later(CHANCE, "bind_categories"),
        limit_field="column_limit",
        primary=True,
    )
)
