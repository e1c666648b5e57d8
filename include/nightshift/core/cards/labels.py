"""What pipeline.yaml says about features, outcome, source and threshold, in words."""

import re
from typing import Any
from urllib.parse import urlsplit

from nightshift.config.pipeline import PipelineSpec
from nightshift.config.sections.features import (
    CalendarFeature,
    ClockFeature,
    Derived,
    DifferenceFeature,
    RatioFeature,
    RollingFeature,
)
from nightshift.config.sections.source import FileSource, PythonSource, SqlSource
from nightshift.extension.tasks import find_task

TABLE_IN_QUERY = re.compile(r'\b(?:from|join)\s+("?\w+"?(?:\."?\w+"?)*)', re.IGNORECASE)


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
    what = feature.column if feature.at_least is None else f"“{feature.column} is {feature.at_least:g} or more”"
    rows = f"rows with the same {', '.join(feature.by)}" if feature.by else "all rows"
    return f"{feature.statistic} of {what} over {rows} of the {feature.days} partitions before; point in time"


def describe_label(spec: PipelineSpec) -> str:
    """What the outcome is."""
    return find_task(spec.task).describe_outcome(spec.label.column, spec.label.at_least)


def describe_source(spec: PipelineSpec) -> dict[str, Any]:
    """Kind, place and connection of the source; never a login, a password, a URL's query or the text of a SQL query."""
    source = spec.source
    match source:
        case FileSource():
            place = strip_credentials(source.path)
            return {"kind": "files", "place": place, "connection": source.connection, "params": {}}
        case SqlSource():
            tables = sorted(set(TABLE_IN_QUERY.findall(source.query)))
            database = strip_credentials(source.url) if source.url else "the connection's database"
            place = f"{database}: {', '.join(tables)}" if tables else database
            return {"kind": "sql", "place": place, "connection": source.connection, "params": {}}
        case PythonSource():
            return {"kind": "python", "place": source.function, "connection": None, "params": dict(source.params)}


def strip_credentials(address: str) -> str:
    """The address without login, password, query and fragment; a path of files stays as it is."""
    if "://" not in address:
        return address
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


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
