"""The JSON of what was measured, and the tables of docs/reference/performance.md that are written from it."""

import json
import os
import platform
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from nightshift.config.project import PROJECT_ROOT

RESULTS = PROJECT_ROOT / "benchmarks" / "results" / "performance.json"
DOCUMENT = PROJECT_ROOT / "docs" / "reference" / "performance.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
SHAPES = {"plain": "20 numbers", "mixed": "20 numbers, 8 categories, imputation"}
# The machine's load as this run began: the benchmark's own comes on top.
LOAD = round(os.getloadavg()[0], 2)
CONTESTANTS = {
    "nightshift": "**Nightshift**, a new night: features to visible rows, and Parquet in the lake",
    "template": "the usual template: pandas, `predict_proba`, `to_sql`; replaces its whole table",
    "spark_warm": "Spark `local[2]`, warm: `mapInPandas`, JDBC; appends",
    "spark_cold": "Spark `local[2]`, cold: with the start of its JVM; appends",
    "copy_by_server": "limit: the server alone, binary COPY of prepared bytes from a local file, no index",
    "copy_and_index_by_server": "limit: the same, and then the unique index that each night of ours has",
    "copy_by_client": "limit: the same bytes sent by a client, no index",
    "predict": "limit: scikit-learn's `predict_proba` alone, features in memory",
    "read": "limit: only reading the features",
}
# Where the night is there already: these delete its rows in the transaction that brings the new ones.
AGAIN = {
    "nightshift_again": "**Nightshift**, replacing a night that is there",
    "copy_by_server_again": "limit: the server alone, deleting the night and copying it",
}
# Of a night and the drift run after it, in their order.
STEPS = ("extract", "validate", "build_features", "score", "publish", "compare", "measure")


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


def _open_section(title: str, found: dict[str, Any], how: str = "") -> Iterator[str]:
    """The heading, and what the figures below it belong to."""
    about = found["machine"]
    took = f" in {found['took'] / 60:.0f} minutes" if "took" in found else ""
    when = f"Measured {found['measured_at'][:10]}{took}, {about['cores']} cores, load {about['load']} when it began."
    yield from (f"### {title}", "", f"{when} {how}".rstrip(), "")


def _draw_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The first column is words, the others are numbers."""
    yield _draw_row(head)
    yield "|---|" + "---:|" * (len(head) - 1)
    yield from map(_draw_row, rows)
    yield ""


def _draw_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _write_compare(found: dict[str, Any]) -> Iterator[str]:
    yield from _sum_up(found["rows"], {shape: shown["seconds"] for shape, shown in found["shapes"].items()})
    for shape, shown in found["shapes"].items():
        how = f"Medians of {found['rounds']} rounds in turn." if found["rounds"] > 1 else "One round."
        yield from _open_section(f"{SHAPES[shape]}: {found['rows']:,} rows", found, how)
        seconds, head = shown["seconds"], ("contestant", "seconds", "least to most", "rows a second", "Nightshift is")
        rows = [
            *_list_rows(CONTESTANTS, seconds, found["rows"], "nightshift"),
            *_list_rows(AGAIN, seconds, found["rows"], "nightshift_again"),
            *((f"{name} {note}", "", "", "", "") for name, note in shown["notes"].items()),
        ]
        yield from _draw_table(head, rows)
        for name, night in (("nightshift", "a new night"), ("nightshift_again", "replacing one")):
            parts = {part: seconds[name][part]["median"] for part in ("score", "publish")}
            yield f"Of Nightshift's time, {night}: `score` {parts['score']:.2f} s, `publish` {parts['publish']:.2f} s."
        yield ""


def _list_rows(titles: dict[str, str], seconds: dict[str, Any], rows: int, ours: str) -> Iterator[Sequence[str]]:
    for name, title in titles.items():
        if name in seconds:
            total = seconds[name]["total"]
            ratio = total["median"] / seconds[ours]["total"]["median"]
            spread = f"{total['least']:.2f} to {total['most']:.2f}" if len(total["rounds"]) > 1 else "one round"
            yield title, f"{total['median']:.2f}", spread, f"{rows / total['median']:,.0f}", _compare(name, ratio)


def _compare(name: str, ratio: float) -> str:
    if name.startswith("nightshift"):
        return ""
    return f"{ratio:.1f} times as fast" if name.startswith(("template", "spark")) else f"at {100 * ratio:.0f} % of it"


def _sum_up(rows: int, shapes: dict[str, Any]) -> Iterator[str]:
    """The ratios, before any table."""
    medians = {
        shape: {name: parts["total"]["median"] for name, parts in seconds.items()} for shape, seconds in shapes.items()
    }
    plain, parts = medians.get("plain", {}), []
    words = {"template": "times the usual template", "spark_warm": "times warm Spark", "spark_cold": "times cold Spark"}
    parts += [f"{plain[name] / plain['nightshift']:.1f} {text}" for name, text in words.items() if name in plain]
    if plain:
        parts.append(f"{100 * plain['copy_by_server'] / plain['nightshift']:.0f} % of the server's own COPY alone")
        parts.append(f"{100 * plain['copy_and_index_by_server'] / plain['nightshift']:.0f} % of it with the index")
    if len(medians) == 2:
        share = 100 * plain["nightshift"] / medians["mixed"]["nightshift"]
        parts.append(f"with categories and imputation {share:.0f} % of the rate without")
    yield from ([f"**Nightshift's rate, {rows:,} rows: {'; '.join(parts)}.**", ""] if parts else [])


def _write_growth(found: dict[str, Any]) -> Iterator[str]:
    how = f"Each step in {found['rounds']} fresh processes: the median seconds, and the largest peak (VmHWM)."
    for shape, counts in found["shapes"].items():
        yield from _open_section(f"Cost and memory against rows: {SHAPES[shape]}", found, how)
        yield from _draw_table(("rows", *(f"`{step}`" for step in STEPS)), map(_list_growth, counts))


def _list_growth(row: dict[str, Any]) -> Sequence[str]:
    found = [row["steps"][step] for step in STEPS]
    return f"{row['rows']:,}", *(f"{step['median']:.2f} s, {step['peak_mib']:,.0f} MiB" for step in found)


def _write_night(found: dict[str, Any]) -> Iterator[str]:
    how = f"Medians of {found['rounds']} nights in turn."
    yield from _open_section(f"A night of {found['rows']:,} rows", found, how)
    scheduler, script = found["seconds"]["scheduler"], found["seconds"]["script"]
    allowed = script["median"] + 2 * found["tasks"]
    rows = [
        ("through the scheduler: ingest, validate, build features, score, publish", *_show_spread(scheduler)),
        ("a plain script that does the same in one process", *_show_spread(script)),
        ("the script plus 2 s a task", f"{allowed:.1f}", ""),
    ]
    yield from _draw_table(("", "seconds", "least to most"), rows)
    steps = ", ".join(f"`{name}` {seconds:.1f} s" for name, seconds in found["steps"].items())
    yield f"The tasks, from their start to their end: {steps}. The rest is Airflow's."
    yield ""


def _show_spread(values: dict[str, float]) -> tuple[str, str]:
    return f"{values['median']:.1f}", f"{values['least']:.1f} to {values['most']:.1f}"


def _write_training(found: dict[str, Any]) -> Iterator[str]:
    how = f"A search over {found['trials']} settings, {found['folds']} folds."
    yield from _open_section(f"Training on {found['rows']:,} rows", found, how)
    rows = [
        ("the search with the last fit", f"{found['search']:.1f}"),
        (f"one fit of the chosen setting (`{found['chosen']}`) on all rows", f"{found['single']:.1f}"),
        ("times", f"{found['search'] / found['single']:.2f}"),
    ]
    yield from _draw_table(("", "seconds"), rows)


def _write_pipelines(found: dict[str, Any]) -> Iterator[str]:
    yield from _open_section(f"{found['pipelines']} pipelines", found)
    yield from _draw_table(("", ""), ((title, str(value)) for title, value in found["facts"].items()))


WRITERS = {
    "compare": _write_compare,
    "large": _write_compare,
    "growth": _write_growth,
    "night": _write_night,
    "training": _write_training,
    "pipelines": _write_pipelines,
}
