"""Operating figures of the decisions: `PYTHONPATH=include:. python -m benchmarks.decisions [--only NAME ...]`.

Each module beside this one that has a `measure` makes worlds with a known truth, lets the shipped code decide with its
default settings, and counts. Results go to benchmarks/results/decisions/NAME.json; `--write-docs` also replaces the
tables in docs/explanation between `<!-- figures NAME -->` and `<!-- end figures -->`.
"""

import argparse
import json
import pkgutil
import re
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Any

import benchmarks.decisions

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "decisions"
PAGES = ROOT / "docs" / "explanation"
# A row of a table: column title -> text or number. All rows of a module have the same columns.
Row = dict[str, Any]
Measure = Callable[[int, int], list[Row]]


def list_measures() -> dict[str, Measure]:
    """The modules that measure, by name."""
    names = [found.name for found in pkgutil.iter_modules(benchmarks.decisions.__path__) if found.name != "__main__"]
    modules = {name: import_module(f"benchmarks.decisions.{name}") for name in names}
    return {name: module.measure for name, module in modules.items() if hasattr(module, "measure")}


def format_table(rows: list[Row]) -> str:
    """As Markdown."""
    titles = list(rows[0])
    lines = [titles, ["---"] * len(titles), *([_format_cell(row[title]) for title in titles] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _format_cell(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def write_into_pages(name: str, table: str) -> int:
    """How many pages showed this table, and now show the new one."""
    written = 0
    marked = re.compile(rf"(<!-- figures {re.escape(name)} -->\n).*?(\n<!-- end figures -->)", re.DOTALL)
    for page in sorted(PAGES.glob("*.md")):
        text, count = marked.subn(lambda found: found[1] + table + found[2], page.read_text())
        if count:
            page.write_text(text)
            written += 1
    return written


def main() -> int:
    """Measure, print, keep."""
    measures = list_measures()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.decisions", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=sorted(measures), default=sorted(measures), metavar="NAME")
    parser.add_argument("--count", type=int, default=100, help="simulated decisions for each row of a table")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write-docs", action="store_true", help="replace the tables in docs/explanation")
    asked = parser.parse_args()
    RESULTS.mkdir(parents=True, exist_ok=True)
    for name in asked.only:
        started = perf_counter()
        rows = measures[name](asked.count, asked.seed)
        table = format_table(rows)
        print(
            f"\n{name}: {asked.count} decisions a row, seed {asked.seed}, {perf_counter() - started:.0f} s\n\n{table}"
        )
        record = {"count": asked.count, "seed": asked.seed, "rows": rows}
        (RESULTS / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n")
        if asked.write_docs:
            print(f"in {write_into_pages(name, table)} pages of docs/explanation")
    return 0


if __name__ == "__main__":
    sys.exit(main())
