"""What pipeline.yaml says about features, outcome, source and threshold, in words."""

from typing import Any

from nightshift.config.pipeline import PipelineSpec
from nightshift.config.sections.features import (
    CalendarFeature,
    ClockFeature,
    Derived,
    DifferenceFeature,
    RatioFeature,
    RollingFeature,
)
from nightshift.extension.tasks import find_task


def describe_feature(name: str, spec: PipelineSpec) -> str:
    """Where a feature comes from."""
    for feature in spec.features.derived:
        if feature.name == name:
            return describe_derived(feature)
    for table, reference in spec.features.tables.items():
        for column, given in reference.columns.items():
            if given == name:
                return f"{column} of the table {table}, looked up by {reference.column}"
    if name in spec.columns:
        return f"column of the source ({spec.columns[name]})"
    return "made by the pipeline's features.py"


def describe_derived(feature: Derived) -> str:
    """The formula of a derived feature."""
    match feature:
        case CalendarFeature():
            return f"{feature.part.replace('_', ' ')} of {feature.column}"
        case ClockFeature():
            return f"minutes since midnight of {feature.column}, written HHMM"
        case DifferenceFeature():
            return f"{feature.left} − {feature.right}"
        case RatioFeature():
            return f"{feature.numerator} ÷ {feature.denominator}; missing where the latter is 0"
        case RollingFeature():
            return _describe_rolling(feature)


def _describe_rolling(feature: RollingFeature) -> str:
    what = feature.column if feature.share_from is None else f"“{feature.column} is {feature.share_from:g} or more”"
    rows = f"rows with the same {', '.join(feature.by)}" if feature.by else "all rows"
    return f"{feature.statistic} of {what} over {rows} of the {feature.days} partitions before; point in time"


def describe_label(spec: PipelineSpec) -> str:
    """What the outcome is."""
    return find_task(spec.task).describe_outcome(spec.label.column, spec.label.positive_from)


def describe_source(spec: PipelineSpec) -> dict[str, Any]:
    """Kind, place and connection of the source; never a login, a password, a URL's query or the text of a SQL query."""
    return spec.source.describe_origin()


def describe_rule(rule: dict[str, Any]) -> str:
    """How a decision threshold was chosen."""
    match rule["rule"]:
        case "fixed":
            return "a fixed number from pipeline.yaml"
        case "cost":
            names = ("false_positive", "false_negative", "true_positive", "true_negative")
            costs = ", ".join(f"{name.replace('_', ' ')} {rule[name]:g}" for name in names if name in rule)
            return f"least cost on validation folds ({costs})"
        case "f_beta":
            return f"greatest F-beta on validation folds (beta {rule['beta']:g})"
        case "recall_at_precision":
            return f"greatest recall on validation folds where precision is at least {rule['precision']:g}"
        case "top_share":
            return f"the {rule['share']:.1%} of rows with the highest scores on validation folds"
    return str(rule["rule"])
