"""Every guarantee has a row in docs/reference/guarantees.md, a test, and a broken variant that was tried."""

import ast
import re
from pathlib import Path

import pytest

from tests.faults.break_it import ROOT, Variant, load_variants
from tests.guarantees import GUARANTEES


def find_marked() -> set[int]:
    """The numbers in every `pytest.mark.guarantee(...)` below tests/."""
    found: set[int] = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.guarantee":
                found.update(ast.literal_eval(argument) for argument in node.args)
    return found


def test_every_guarantee_has_a_test() -> None:
    assert find_marked() == set(GUARANTEES)


def test_every_guarantee_has_a_broken_variant() -> None:
    assert {variant.guarantee for variant in load_variants()} == set(GUARANTEES)


def test_every_guarantee_is_described() -> None:
    rows = re.findall(r"^\| *(\d+) *\|", (ROOT / "docs" / "reference" / "guarantees.md").read_text(), re.MULTILINE)
    assert [int(number) for number in rows] == list(GUARANTEES)


@pytest.mark.parametrize("variant", load_variants(), ids=lambda variant: f"{variant.guarantee}: {variant.name}")
def test_a_variant_still_fits_the_code(variant: Variant) -> None:
    """A variant that no longer applies would prove nothing."""
    assert (ROOT / variant.file).read_text().count(variant.replace) == 1
    assert variant.by != variant.replace
    for test in variant.tests:
        assert Path(ROOT / test.partition("::")[0]).exists(), test
