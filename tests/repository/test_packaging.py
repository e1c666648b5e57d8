"""The wheel's metadata agree with the pins, and the engine's messages name the command by one constant."""

import ast
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
ENGINE = ROOT / "include" / "nightshift"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef)


def read_requirements(file: str) -> list[Requirement]:
    """The requirements of a file of inputs or of pins, without options, comments and hashes."""
    lines = (line.partition(" #")[0].rstrip("\\ ") for line in (ROOT / file).read_text().splitlines())
    return [Requirement(line) for line in lines if line and line[0].isalnum()]


def test_the_wheel_needs_what_is_pinned_and_the_pins_fit() -> None:
    needed = {requirement.name: requirement for requirement in map(Requirement, PROJECT["dependencies"])}
    named = {requirement.name: requirement for requirement in read_requirements("requirements.in")}
    assert needed.keys() == named.keys()
    assert all(needed[name].extras == named[name].extras for name in named)
    pins = [pin for pin in read_requirements("requirements.txt") if pin.name in needed]
    assert {pin.name for pin in pins} == needed.keys()
    assert [str(pin) for pin in pins if not needed[pin.name].specifier.contains(get_version(pin))] == []
    assert str(needed["apache-airflow"].specifier) == str(named["apache-airflow"].specifier)


def test_each_extra_needs_what_its_own_pins_hold() -> None:
    for extra, needs in PROJECT["optional-dependencies"].items():
        pins = {pin.name: pin for pin in read_requirements(f"requirements/{extra}.txt")}
        for needed in map(Requirement, needs):
            assert needed.specifier.contains(get_version(pins[needed.name])), needed


def get_version(pin: Requirement) -> str:
    (specifier,) = pin.specifier
    return specifier.version


def test_no_message_of_the_engine_names_the_command_of_a_checkout() -> None:
    found = []
    for file in ENGINE.rglob("*.py"):
        tree = ast.parse(file.read_text())
        documents = {ast.get_docstring(node, clean=False) for node in ast.walk(tree) if isinstance(node, DOCUMENTED)}
        found += [
            f"{file.relative_to(ROOT)}:{node.lineno}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and "bin/nightshift" in str(node.value) and node.value not in documents
        ]
    # Where it is decided, and where templates are filled in.
    decided = ("include/nightshift/config/project.py", "include/nightshift/commands/init.py")
    assert [place for place in found if not place.startswith(decided)] == []
