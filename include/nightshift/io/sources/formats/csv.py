"""CSV as blocks of text columns. What is not well formed is refused with its line; nothing is guessed or half read.

Blocks whose quotes are all in order go through Arrow, ten times as fast. All others, and all that Arrow refuses, go
through the strict reader below, which alone decides what is right and words every refusal.
"""

import csv
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import BinaryIO

import pyarrow as pa
import pyarrow.csv

from nightshift.errors import NightshiftError
from nightshift.io.sources.fetching.fetch import SourceFile
from nightshift.io.sources.formats.compressed import BYTE_ORDER_MARK, open_stream, refuse_other_format
from nightshift.io.sources.formats.unreadable import UnreadableSource, refuse_repeated

BLOCK = 4 << 20


def read_csv(file: SourceFile, delimiter: str = ",") -> Iterator[pa.Table]:
    """The file's columns as text: first a table without rows, then block after block."""
    if delimiter in '"\r\n\0':
        raise NightshiftError(f"{file.name}: {delimiter!r} can't be a delimiter")
    with open_stream(file) as stream:
        refuse_other_format(stream, file, "CSV")
        reader = _CsvReader(file, stream, delimiter)
        yield reader.make_table([])
        while block := stream.read(BLOCK):
            yield reader.read_block(block + stream.readline())


class _CsvReader:
    """Reads one stream and knows at which line it is."""

    def __init__(self, file: SourceFile, stream: BinaryIO, delimiter: str) -> None:
        self._name, self._stream, self._delimiter = file.name, stream, delimiter
        mark = re.escape(delimiter).encode()
        self._quoted = re.compile(rb'(?<![^%b\r\n])"[^"]*(?:""[^"]*)*"(?![^%b\r\n])' % (mark, mark))
        self._line = 0
        self._header: list[str] = []
        self._header = next(self._read_records(stream), [])
        if not self._header:
            raise UnreadableSource(f"{self._name}: is empty; not even a header is there")
        refuse_repeated(self._header, self._name)

    def make_table(self, records: list[list[str]]) -> pa.Table:
        """The records as text columns."""
        values = zip(*records, strict=True) if records else [[] for _ in self._header]
        return pa.table([pa.array(column, pa.string()) for column in values], self._header)

    def read_block(self, block: bytes) -> pa.Table:
        """Whole lines as a table; where the last one leaves a quote open, the stream's next lines too."""
        if self._is_plain(block):
            try:
                table = self._parse_plain(block)
            except pa.ArrowInvalid:
                pass  # The strict reader below knows the line.
            else:
                self._line += block.count(b"\n")
                return table
        lines = block.splitlines(keepends=True)
        last = self._line + len(lines)
        records = []
        for record in self._read_records(chain(lines, self._stream)):
            records.append(record)
            if self._line >= last:
                break
        return self.make_table(records)

    def _is_plain(self, block: bytes) -> bool:
        """Whether Arrow reads the block as the strict reader would."""
        # Arrow drops a byte order mark at the start of a block, and takes only one byte as a delimiter.
        if b"\0" in block or block.startswith(BYTE_ORDER_MARK) or not self._delimiter.isascii():
            return False
        return b'"' not in block or b'"' not in self._quoted.sub(b"", block)

    def _parse_plain(self, block: bytes) -> pa.Table:
        return pa.csv.read_csv(
            pa.py_buffer(block),
            read_options=pa.csv.ReadOptions(column_names=self._header),
            parse_options=pa.csv.ParseOptions(delimiter=self._delimiter, newlines_in_values=b'"' in block),
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(self._header, pa.string()), strings_can_be_null=False
            ),
        )

    def _read_records(self, lines: Iterable[bytes]) -> Iterator[list[str]]:
        """The records of `lines`, as many as are asked for; blank lines are none."""
        reader = csv.reader(self._decode_lines(lines), strict=True, delimiter=self._delimiter)
        while True:
            start = self._line + 1
            try:
                record = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                hint = "look for a quote that is not closed or not doubled, or a carriage return alone"
                raise UnreadableSource(f"{self._name}, line {start}: is not valid CSV ({error}); {hint}") from error
            if record and self._header and len(record) != len(self._header):
                raise UnreadableSource(
                    f"{self._name}, line {start}: has {len(record)} fields, but the header has {len(self._header)}"
                )
            if record:
                yield record

    def _decode_lines(self, lines: Iterable[bytes]) -> Iterator[str]:
        for line in lines:
            self._line += 1
            if b"\0" in line:
                raise UnreadableSource(f"{self._name}, line {self._line}: holds a NUL byte, which no text may hold")
            try:
                text = (line.removeprefix(BYTE_ORDER_MARK) if self._line == 1 else line).decode()
            except UnicodeDecodeError as error:
                raise UnreadableSource(
                    f"{self._name}, line {self._line}: is not UTF-8 text (byte {error.start + 1} of the line)"
                ) from error
            yield text
