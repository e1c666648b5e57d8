"""Refuses the words that were retired, wherever a user sees them: docs/check_words.py [FOLDER]; 1 where there is one.

Users see the docs, the reference, string literals of the engine, the docstrings that Airflow shows, pages, and the
names and comments of the warehouse. Names inside the code are not text. What is exempt is listed below, with reasons.
"""

import ast
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

# A file's texts, each with its line.
Read = Callable[[Path], Iterator[tuple[int, str]]]
ROOT = Path(__file__).resolve().parents[1]
# What was said, and what the field says.
RETIRED = {
    r"mend(s|ed|ing)?": "fix",
    r"upkeep": "maintenance",
    r"house": "project, deployment or sandbox",
    r"untold|told_(at|to)|tell_at_end|(be|been|is|are|was|were) told(?! apart)": "notify, notified_at, recipients",
    r"verdicts?": "result",
    r"judg(e|es|ed|ing)": "evaluate or check",
    r"in[ _]charge": "champion",
    r"paid": "improved",
    r"fruitless": "without improvement",
    r"misfits?": "invalid values",
    r"(out of|within) (the|its) band": "below or within tolerance",
    r"promised": "expected, or the held-out value",
    r"chance reaches": "above what chance explains (p99 …)",
    r"nobody": "no one",
    r"whoever": "who",
    r"(so|from so) many|so often": "up to N, at least N, N times",
    r"stands? (twice|beside)": "appears twice, is next to",
    r"lacks?|lacking": "has no",
    r"fresh process": "new process, or a process of its own",
    r"missed_night|night_hours|champion_days": "missed_partition, missed_after_hours, stale_after_days",
    r"whitewash(es|ed)?": "mask a failure",
    r"sweep_orphans": "collect_garbage",
}
WORDS = re.compile("|".join(rf"(?:{word})" for word in RETIRED).join((r"\b(?:", r")\b")), re.IGNORECASE)
# Keys and values in stored JSON, whose readers would not find them under another name; and names within the code.
KEYS = frozenset({"verdict", "judged", "house"})
# A user of the operating system.
NAMES = frozenset({"nobody"})
# In these places the old words are meant: what they are now called, what was decided then, and what was released.
EXEMPT = ("include/nightshift/config/renamed.py", "docs/decisions/", "docs/check_words.py", "CHANGELOG.md")
TEXTS = (
    "README.md",
    "docs/**/*.md",
    "docker-compose.yaml",
    "airflow_settings.yaml",
    "deploy/*/*.md",
    "deploy/*/*.sh",
    "deploy/*/*.yaml",
)
PAGES = ("include/nightshift/**/*.html", "include/nightshift/**/*.svg")
CODE = ("include/nightshift/**/*.py", "plugins/*.py", "dags/*.py")
# Their docstrings are shown as the DAGs' documentation.
SHOWN = ("include/nightshift/dags/", "dags/")
MIGRATIONS, FIRST = "include/nightshift/sql/migrations/versions/*.sql", "0006"
# Statements that name what was renamed, and the views that keep it.
KEPT_NAMES = re.compile(r"\brename\b|monitoring_0_1|monitoring\.upkeep|drop constraint|^\s*update\b", re.IGNORECASE)


def find_retired(root: Path = ROOT) -> list[str]:
    """Every retired word that a user sees below `root`, with its place and what to write instead."""
    found = [
        *_search(root, TEXTS, lambda path: _split(_strip_keys(path.read_text(encoding="utf-8")))),
        *_search(root, PAGES, lambda path: _split(_strip_markup(path.read_text(encoding="utf-8")))),
        *_search(root, CODE, lambda path: read_literals(path, _name(root, path).startswith(SHOWN))),
        *_search(root, (MIGRATIONS,), read_schema),
    ]
    return [f"{place}: {word!r}; write: {suggest(word)}" for place, word in found]


def suggest(word: str) -> str:
    """What to write instead of a retired word."""
    return next(better for retired, better in RETIRED.items() if re.fullmatch(retired, word, re.IGNORECASE))


def read_literals(path: Path, with_docstrings: bool) -> Iterator[tuple[int, str]]:
    """The texts of a module, each with its line: string literals that are neither docstrings nor stored keys."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {id(node) for node in _list_names(tree)}
    skipped |= set() if with_docstrings else {id(node) for node in _list_docstrings(tree)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or id(node) in skipped:
            continue
        if node.value not in KEYS | NAMES:
            yield node.lineno, node.value


def read_schema(path: Path) -> Iterator[tuple[int, str]]:
    """The statements of a migration that make what there is from now on."""
    if path.name < FIRST:
        return
    line = 1
    for statement in path.read_text(encoding="utf-8").split(";\n"):
        code = re.sub(r"--[^\n]*", "", statement)
        if not KEPT_NAMES.search(code):
            yield line, code
        line += statement.count("\n") + 1


def _search(root: Path, patterns: tuple[str, ...], read: Read) -> Iterator[tuple[str, str]]:
    for path in sorted({path for pattern in patterns for path in root.glob(pattern) if path.is_file()}):
        name = _name(root, path)
        if not name.startswith(EXEMPT):
            for line, text in read(path):
                yield from ((f"{name}:{line}", match.group()) for match in WORDS.finditer(text))


def _name(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()


def _split(text: str) -> Iterator[tuple[int, str]]:
    yield from enumerate(text.splitlines(), 1)


def _strip_keys(text: str) -> str:
    """Markdown without the stored keys and the paths of modules that it names as code."""
    return re.sub(r"`([\w/]+)`", lambda match: "" if match[1] in KEYS or "/" in match[1] else match[0], text)


def _strip_markup(text: str) -> str:
    """A template without what only the renderer reads; the texts within its expressions stay, and so do the lines."""
    text = re.sub(r"\{#.*?#\}", _keep_lines, text, flags=re.DOTALL)
    text = re.sub(r"\{[{%].*?[%}]\}", _keep_quoted, text, flags=re.DOTALL)
    return re.sub(r"<[^<>]*>", _keep_lines, text)


def _keep_quoted(match: re.Match[str]) -> str:
    quoted = (text for text in re.findall(r'"([^"]*)"', match[0]) if text not in KEYS)
    return " ".join(quoted) + _keep_lines(match)


def _keep_lines(match: re.Match[str]) -> str:
    return "\n" * match[0].count("\n")


def _list_docstrings(tree: ast.Module) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                yield first.value


def _list_names(tree: ast.Module) -> Iterator[ast.AST]:
    """What is inside of annotations and `__all__`: names of the code, in quotes."""
    for node in ast.walk(tree):
        inner = [getattr(node, "annotation", None), getattr(node, "returns", None)]
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets):
            inner.append(node.value)
        for part in filter(None, inner):
            yield from ast.walk(part)


def main(arguments: list[str]) -> int:
    """Print what is found; 1 where that is anything."""
    found = find_retired(Path(arguments[0]) if arguments else ROOT)
    for line in found:
        sys.stderr.write(f"{line}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
