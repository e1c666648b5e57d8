"""The JSON of what was measured, and the tables of docs/performance.md that are written from it."""

import json
import os
import platform
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from include.config.project import PROJECT_ROOT

RESULTS = PROJECT_ROOT / "benchmarks" / "results" / "performance.json"
DOCUMENT = PROJECT_ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
SHAPES = {"plain": "20 numbers", "mixed": "20 numbers, 8 categories, imputation"}
# The machine's load as this run began: the benchmark's own comes on top.
LOAD = round(os.getloadavg()[0], 2)
CONTESTANTS = {
    "nightshift": "**Nightshift**: features to visible rows, and Parquet in the lake",
    "template": "the usual template: pandas, `predict_proba`, `to_sql`",
    "spark_warm": "Spark `local[2]`, warm: `mapInPandas`, JDBC",
    "spark_cold": "Spark `local[2]`, cold: with the start of its JVM",
    "copy_by_server": "limit: the server alone, binary COPY of prepared bytes from a local file",
    "copy_by_client": "limit: the same bytes sent by a client",
    "predict": "limit: scikit-learn's `predict_proba` alone, features in memory",
    "read": "limit: only reading the features",
}


def describe_machine() -> dict[str, Any]:
    """What the figures belong to."""
    names = ("scikit-learn", "pandas", "pyarrow", "apache-airflow-core", "great-expectations")
    return {
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "load": LOAD,
        **{name: version(name) for name in names},
    }


def keep_section(name: str, found: dict[str, Any]) -> None:
    """Replace one section of the JSON; the others stay as they were measured."""
    everything = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    stamp = {"measured_at": datetime.now(UTC).isoformat(timespec="minutes"), "machine": describe_machine()}
    everything[name] = {**stamp, **found}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(everything, indent=1) + "\n")


def write_tables() -> None:
    """Put the tables between the markers of the document."""
    everything = json.loads(RESULTS.read_text())
    lines = [line for name, write in WRITERS.items() if name in everything for line in write(everything[name])]
    before, _, rest = DOCUMENT.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    DOCUMENT.write_text("\n".join([before + BEGIN, "", *lines, END]) + after)


def _say_when(found: dict[str, Any]) -> str:
    about = found["machine"]
    return f"Measured {found['measured_at'][:10]}, {about['cores']} cores, load {about['load']} when it began."


def _write_compare(found: dict[str, Any]) -> Iterator[str]:
    rates = {
        shape: found["rows"] / seconds["nightshift"]["total"]["median"] for shape, seconds in found["shapes"].items()
    }
    yield from _sum_up(found["shapes"].get("plain", {}), rates)
    for shape, seconds in found["shapes"].items():
        yield f"### {SHAPES[shape]}: {found['rows']:,} rows"
        yield ""
        yield f"{_say_when(found)} Medians of {found['rounds']} rounds in turn."
        yield ""
        yield "| contestant | seconds | rows a second | Nightshift is |"
        yield "|---|---:|---:|---:|"
        ours = seconds["nightshift"]["total"]["median"]
        for name, title in CONTESTANTS.items():
            if name in seconds:
                taken = seconds[name]["total"]["median"]
                yield f"| {title} | {taken:.2f} | {found['rows'] / taken:,.0f} | {_compare(name, taken / ours)} |"
        if note := found.get("spark"):
            yield f"| Spark `local[2]` | {note} | | |"
        parts = {part: seconds["nightshift"][part]["median"] for part in ("score", "publish")}
        yield ""
        yield f"Of Nightshift's time, `score` took {parts['score']:.2f} s and `publish` {parts['publish']:.2f} s."
        yield ""


def _sum_up(seconds: dict[str, Any], rates: dict[str, float]) -> Iterator[str]:
    """The ratios, before any table."""
    ratios = {
        name: values["total"]["median"] / seconds["nightshift"]["total"]["median"] for name, values in seconds.items()
    }
    words = {"template": "times the usual template", "spark_warm": "times warm Spark", "spark_cold": "times cold Spark"}
    parts = [f"{ratios[name]:.1f} {text}" for name, text in words.items() if name in ratios]
    if parts:
        parts.append(f"{100 * ratios['copy_by_server']:.0f} % of the server's own COPY")
    if len(rates) == 2:
        parts.append(
            f"with categories and imputation {100 * rates['mixed'] / rates['plain']:.0f} % of the rate without"
        )
    yield f"**Nightshift's rate: {'; '.join(parts)}.**" if parts else ""
    yield ""


def _compare(name: str, ratio: float) -> str:
    if name == "nightshift":
        return ""
    return f"{ratio:.1f} times as fast" if name.startswith(("template", "spark")) else f"at {100 * ratio:.0f} % of it"


def _write_growth(found: dict[str, Any]) -> Iterator[str]:
    for shape, rows in found["shapes"].items():
        yield f"### Cost and memory against rows: {SHAPES[shape]}"
        yield ""
        yield f"{_say_when(found)} Each in {found['rounds']} fresh processes; the peak is the system's VmHWM."
        yield ""
        yield "| rows | seconds | rows a second | peak, MiB | of it libraries, MiB |"
        yield "|---:|---:|---:|---:|---:|"
        for row in rows:
            head = f"| {row['rows']:,} | {row['seconds']:.2f} | {row['rows_per_second']:,} "
            yield f"{head}| {row['peak_mib']:,.0f} | {row['loaded_mib']:,.0f} |"
        yield ""


def _write_night(found: dict[str, Any]) -> Iterator[str]:
    yield f"### A night of {found['rows']:,} rows"
    yield ""
    yield f"{_say_when(found)} Medians of {found['rounds']} rounds in turn."
    yield ""
    yield "| | seconds |"
    yield "|---|---:|"
    yield f"| through the scheduler: extract, validate, build_features, score, publish | {found['scheduler']:.1f} |"
    yield f"| a plain script that does the same in one process | {found['script']:.1f} |"
    yield f"| the script plus 2 s a task | {found['script'] + 2 * found['tasks']:.1f} |"
    yield ""
    steps = ", ".join(f"`{name}` {seconds:.1f} s" for name, seconds in found["steps"].items())
    yield f"The tasks, from their start to their end: {steps}. The rest is Airflow's."
    yield ""


def _write_training(found: dict[str, Any]) -> Iterator[str]:
    yield f"### Training on {found['rows']:,} rows"
    yield ""
    yield f"{_say_when(found)} A search over {found['trials']} settings, {found['folds']} folds."
    yield ""
    yield "| | seconds |"
    yield "|---|---:|"
    yield f"| the search with the last fit | {found['search']:.1f} |"
    yield f"| one fit of the chosen setting (`{found['chosen']}`) on all rows | {found['single']:.1f} |"
    yield f"| times | {found['search'] / found['single']:.2f} |"
    yield ""


def _write_pipelines(found: dict[str, Any]) -> Iterator[str]:
    yield f"### {found['pipelines']} pipelines"
    yield ""
    yield _say_when(found)
    yield ""
    yield "| | |"
    yield "|---|---:|"
    for title, value in found["facts"].items():
        yield f"| {title} | {value} |"
    yield ""


WRITERS = {
    "compare": _write_compare,
    "growth": _write_growth,
    "night": _write_night,
    "training": _write_training,
    "pipelines": _write_pipelines,
}
