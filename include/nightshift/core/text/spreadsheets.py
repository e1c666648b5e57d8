"""Text that a spreadsheet would run as a formula, made harmless."""

import csv
import io
import re
from typing import TextIO

# What Excel, LibreOffice or Google Sheets may take for the start of a formula, in either width.
STARTS = "=+\\-@\t\r\n＝＋－＠"
FORMULA = re.compile(f"[{STARTS}]")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]Infinity")
SUSPICIOUS_CELL = re.compile(f'(^|[,\\r\\n])"?[{STARTS}]')


def escape_formula(text: str) -> str:
    """The text with a ' before it where a spreadsheet would take it for a formula; numbers stay numbers.

    >>> escape_formula("=HYPERLINK(1)")
    "'=HYPERLINK(1)"
    """
    return f"'{text}" if FORMULA.match(text) and not NUMBER.fullmatch(text) else text


class FormulaEscaper(io.TextIOBase):
    """Hands CSV on to `output`, every cell by `escape_formula`. Each call of `write` brings whole rows."""

    def __init__(self, output: TextIO) -> None:
        self.output = output

    def write(self, rows: str) -> int:
        """Rows without a suspicious cell stay as they are, to the letter."""
        return self.output.write(_escape_rows(rows) if SUSPICIOUS_CELL.search(rows) else rows)


def _escape_rows(rows: str) -> str:
    given = list(csv.reader(io.StringIO(rows, newline="")))
    escaped = [[escape_formula(cell) for cell in row] for row in given]
    if escaped == given:
        return rows
    return "".join(",".join(map(_quote, row)) + "\n" for row in escaped)


def _quote(cell: str) -> str:
    # Python's csv module leaves a lone \r without quotes, which starts a new row for others.
    return '"{}"'.format(cell.replace('"', '""')) if re.search(r'[",\r\n]', cell) else cell
