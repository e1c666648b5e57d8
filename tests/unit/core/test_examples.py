"""The examples in the docstrings of core are executed."""

import doctest
import pkgutil
from importlib import import_module

import pytest

from nightshift import core

MODULES = sorted(found.name for found in pkgutil.walk_packages(core.__path__, "nightshift.core."))


def count_examples(name: str) -> int:
    return sum(len(found.examples) for found in doctest.DocTestFinder(exclude_empty=True).find(import_module(name)))


@pytest.mark.parametrize("name", [name for name in MODULES if count_examples(name)])
def test_what_the_examples_show_is_so(name: str) -> None:
    assert doctest.testmod(import_module(name)).failed == 0


def test_the_functions_that_carry_an_idea_have_examples() -> None:
    finder = doctest.DocTestFinder(exclude_empty=True)
    shown = [found.name for name in MODULES for found in finder.find(import_module(name)) if found.examples]
    assert len(shown) >= 25
