"""No function of the engine has over 40 lines or 7 parameters, and no modules import each other in a circle."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.airflow_home import ROOT

MAX_LINES = 40
MAX_PARAMETERS = 7
FOLDERS = ("include/nightshift", "dags", "plugins")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def list_functions() -> Iterator[tuple[str, Function]]:
    """Every function and method, by file and name; loops that numba compiles must stand in one piece."""
    for folder in FOLDERS:
        for file in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, Function) and not any("_compile" in ast.unparse(it) for it in node.decorator_list):
                    yield f"{file.relative_to(ROOT)}: {node.name}", node


def count_lines(function: Function) -> int:
    """From `def` to the end, without the docstring."""
    docstring = function.body[0] if ast.get_docstring(function) is not None else None
    told = docstring.end_lineno - docstring.lineno + 1 if docstring and docstring.end_lineno else 0
    return (function.end_lineno or 0) - function.lineno + 1 - told


def count_parameters(function: Function) -> int:
    """What a caller passes."""
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return len([argument for argument in every if argument.arg not in ("self", "cls")])


def test_no_function_is_long() -> None:
    assert [name for name, node in list_functions() if count_lines(node) > MAX_LINES] == []


def test_no_function_has_many_parameters() -> None:
    many = [name for name, node in list_functions() if count_parameters(node) > MAX_PARAMETERS]
    assert [name for name in many if not is_named(name)] == []


def is_named(name: str) -> bool:
    """The one exception: LightGBM's parameters."""
    return name == "include/nightshift/core/estimators/lightgbm.py: __init__"


def list_imports(file: Path) -> Iterator[str]:
    """What the module imports when it is imported itself, as dotted names; what only type checkers see is left out."""
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def read_graph() -> dict[str, set[str]]:
    """Module -> the engine's modules that it imports."""
    include = ROOT / "include"
    files = {
        ".".join(file.relative_to(include).with_suffix("").parts).removesuffix(".__init__"): file
        for file in (include / "nightshift").rglob("*.py")
    }
    return {
        name: {found for found in list_imports(file) if found in files and found != name}
        for name, file in files.items()
    }


def find_circle(graph: dict[str, set[str]]) -> list[str]:
    """The modules of one circle; empty where there is none."""
    left = {name: set(imports) for name, imports in graph.items()}
    while free := [name for name, imports in left.items() if not imports & left.keys()]:
        for name in free:
            del left[name]
    return sorted(left)


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert find_circle(read_graph()) == []
    assert find_circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["a", "b", "c"]
