"""What the features of a pipeline are made from, and whether it is there."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from nightshift.config.names import suggest_name
from nightshift.config.sections.features import CalendarFeature, RollingFeature

if TYPE_CHECKING:
    from nightshift.config.pipeline import PipelineSpec

MOMENTS = ("date", "timestamp")


def list_input_problems(spec: "PipelineSpec") -> Iterator[str]:
    """An event_time that is no time, and what derived features read although nothing before them gives it."""
    known = list_given(spec)
    if spec.event_time and spec.columns.get(spec.event_time, "date") not in MOMENTS:
        yield f"event_time: {spec.event_time!r} is {spec.columns[spec.event_time]}, not a date or timestamp"
    for feature in spec.features.derived:
        where = f"features.derived.{feature.name}"
        if isinstance(feature, CalendarFeature) and spec.columns.get(feature.column, "date") not in MOMENTS:
            yield f"{where}: {feature.column!r} is {spec.columns[feature.column]}, not a date or timestamp"
        if not isinstance(feature, RollingFeature):
            for name in feature.model_dump(exclude={"kind", "name", "part"}).values():
                if name not in known:
                    yield f"{where}: {name!r} is neither a column nor from a table{_hint(name, known)}"
        known.add(feature.name)


def list_unknown_features(spec: "PipelineSpec") -> Iterator[tuple[str, str]]:
    """The field and the fault of every feature that only a features.py could make."""
    known = list_given(spec) | {feature.name for feature in spec.features.derived}
    for kind in ("numeric", "categorical"):
        for position, name in enumerate(getattr(spec.features, kind)):
            if name not in known:
                what = f"{name!r} is neither a column, nor from a table, nor derived, and there is no features.py"
                yield f"features.{kind}[{position}]", f"{what}{_hint(name, known)}"


def list_given(spec: "PipelineSpec") -> set[str]:
    """The columns of the source and of the reference tables, by the names that features know them by."""
    tables = (name for table in spec.features.tables.values() for name in table.columns.values())
    return {*spec.columns, *tables}


def _hint(name: str, known: set[str]) -> str:
    near = suggest_name(name, sorted(known))
    return f"; did you mean {near!r}?" if near else ""
