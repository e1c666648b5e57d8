"""A value that a spreadsheet would run is shown instead; everything else stays as it is."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightshift.core.text.spreadsheets import FORMULA, FormulaEscaper, escape_formula

FORMULAS = [
    "=1+1",
    "=cmd|' /C calc'!A0",
    "+1-555",
    "-2+3+cmd",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "＝1",
    "-",
    "--1",
    "+",
    "-1e",
]
PLAIN = ["", "north", "-1", "+1.5", "-1e-9", "-.5", "-0", "-Infinity", "1=1", " =1", "a@b.example", "'=1"]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_becomes_text(text: str) -> None:
    assert escape_formula(text) == f"'{text}"


@pytest.mark.parametrize("text", PLAIN)
def test_everything_else_stays(text: str) -> None:
    assert escape_formula(text) == text


def escape_csv(rows: str) -> str:
    output = io.StringIO()
    FormulaEscaper(output).write(rows)
    return output.getvalue()


def test_rows_without_a_formula_stay_to_the_letter() -> None:
    """A missing value and an empty text differ in PostgreSQL's CSV only by the quotes."""
    for row in ('1,,"",-2.5,"a, b"\n', '"x ""=1""",\n'):
        assert escape_csv(row) == row


@given(st.lists(st.lists(st.text("=+-@1.,;\"'\n\r\tab", max_size=6), min_size=2, max_size=3), max_size=3))
def test_no_cell_of_any_row_starts_a_formula(rows: list[list[str]]) -> None:
    """As a spreadsheet reads it, and with nothing changed but the apostrophe."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
    read = list(csv.reader(io.StringIO(escape_csv(text.getvalue()), newline="")))
    assert read == [[escape_formula(cell) for cell in row] for row in rows]
    for cell in (cell for row in read for cell in row):
        assert not FORMULA.match(cell) or float(cell) is not None
