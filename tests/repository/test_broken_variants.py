"""The broken variants of tests/faults/broken still find the line that they break, and their tests."""

import pytest

from tests.airflow_home import ROOT
from tests.faults.break_it import Variant, load_variants


@pytest.mark.parametrize("variant", load_variants(), ids=lambda variant: variant.name)
def test_a_broken_variant_finds_its_line_and_its_tests(variant: Variant) -> None:
    assert (ROOT / variant.file).read_text().count(variant.replace) == 1, variant.file
    assert [test for test in variant.tests if not (ROOT / test.partition("::")[0]).is_file()] == []
