"""Text files as streams of bytes, plain or gzip; what is not what its name says is refused."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from nightshift.io.sources.fetching.fetch import SourceFile
from nightshift.io.sources.formats.unreadable import UnreadableSource

SIGNATURES = {
    b"PAR1": "a Parquet file",
    b"\x1f\x8b": "gzip (its name should end in .gz)",
    b"PK\x03\x04": "a ZIP archive or an Excel file",
    b"\xff\xfe": "UTF-16 text (save it as UTF-8)",
    b"\xfe\xff": "UTF-16 text (save it as UTF-8)",
    b"<!": "a web page",
    b"<html": "a web page",
}
JSON_SIGNATURES = {b'{"': "JSON", b"[{": "JSON"}
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@contextmanager
def open_stream(file: SourceFile) -> Iterator[BinaryIO]:
    """The file's bytes, decompressed where its name ends in .gz; UnreadableSource where that fails half-way."""
    try:
        with gzip.open(file.path) if file.address.endswith(".gz") else file.path.open("rb") as stream:
            yield stream  # type: ignore[misc]  # GzipFile offers what is used of BinaryIO
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UnreadableSource(f"{file.name}: is not a whole gzip file ({error})") from error
    except OSError as error:
        raise UnreadableSource(f"{file.name}: can't be read ({error.strerror or error})") from error


def refuse_other_format(stream: BinaryIO, file: SourceFile, expected: str) -> None:
    """UnreadableSource where the first bytes are of a format that is not the expected one."""
    start = stream.peek(8)[:8]  # type: ignore[attr-defined]  # both BufferedReader and GzipFile have it
    signatures = SIGNATURES if expected == "JSON Lines" else SIGNATURES | JSON_SIGNATURES
    for signature, content in signatures.items():
        if start.lower().startswith(signature.lower()):
            raise UnreadableSource(f"{file.name}: is not {expected}; its content looks like {content}")
