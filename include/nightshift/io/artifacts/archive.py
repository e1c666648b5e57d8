"""The file around a model: a zip of `schema.json` and NumPy arrays, bounded before anything in it is read.

Entries must be stored, not compressed, and together no larger than the file: then reading takes no more memory than the
file has bytes, whatever its headers claim.
"""

import json
import math
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import numpy as np

from nightshift.io.artifacts.refusal import Refused

SCHEMA = "schema.json"
MAX_BYTES = 2**32 - 1
MAX_ENTRIES = 50_000
MAX_DIRECTORY_BYTES = 16 * 2**20
MAX_SCHEMA_BYTES = 64 * 2**20

_ARRAY_NAME = re.compile(r"[0-9a-f-]{1,40}\.npy")
# The record at a zip's end: signature, two disk numbers, entries on this disk, entries, size and offset of the
# directory, length of a comment.
_END = struct.Struct("<4s4H2LH")
# In front of it where sizes need 64 bits; ours never do.
_ZIP64_LOCATOR, _ZIP64_BYTES = b"PK\x06\x07", 20
_ENCRYPTED = 0x1
_PLAIN_KINDS = "biufUSV"


@dataclass(frozen=True)
class ArrayHeader:
    """What a NumPy file says of its array."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]


def open_archive(path: Path) -> ZipFile:
    """The zip, if it has the form that we write; Refused otherwise."""
    _check_end(path)
    try:
        archive = ZipFile(path)
    except (BadZipFile, NotImplementedError, ValueError) as error:
        raise Refused(f"it can't be read as a model: it is no intact zip file: {error}") from error
    try:
        _check_entries(archive.infolist(), path.stat().st_size)
    except Refused:
        archive.close()
        raise
    return archive


def read_schema(archive: ZipFile) -> dict[str, Any]:
    """The parsed schema.json."""
    schema = json.loads(archive.read(SCHEMA))
    if not isinstance(schema, dict):
        raise Refused(f"its {SCHEMA} is a {type(schema).__name__}, not an object")
    return schema


def read_headers(archive: ZipFile) -> Mapping[str, ArrayHeader]:
    """By name, the header of each array. Nothing is unpickled: arrays of objects are refused."""
    headers = {}
    for entry in archive.infolist():
        if entry.filename != SCHEMA:
            with archive.open(entry) as file:
                headers[entry.filename] = _read_header(file, entry)
    return headers


def _check_end(path: Path) -> None:
    """The directory's size is bounded before zipfile turns every line of it into an object."""
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise Refused(f"it has {size:,} bytes, more than {MAX_BYTES:,}")
    with path.open("rb") as file:
        file.seek(max(0, size - _END.size - _ZIP64_BYTES))
        tail = file.read()
    if len(tail) < _END.size or tail[-_END.size :][:4] != b"PK\x05\x06":
        raise Refused("it can't be read as a model: it is no intact zip file: its end is missing")
    _, disk, first_disk, here, entries, directory, offset, comment = _END.unpack(tail[-_END.size :])
    if tail.startswith(_ZIP64_LOCATOR) or (disk, first_disk, comment) != (0, 0, 0) or here != entries:
        raise Refused("its zip has parts that we never write")
    if entries > MAX_ENTRIES or directory > MAX_DIRECTORY_BYTES:
        raise Refused(f"its zip lists {entries:,} entries in {directory:,} bytes, too many")
    if offset + directory + _END.size != size:
        raise Refused("its zip holds bytes that belong to no entry")


def _check_entries(entries: list[ZipInfo], size: int) -> None:
    names = [entry.filename for entry in entries]
    for entry in entries:
        if entry.filename != SCHEMA and not _ARRAY_NAME.fullmatch(entry.filename):
            raise Refused(f"its zip has an entry {entry.filename[:60]!r}, which no model has")
        if entry.compress_type != ZIP_STORED or entry.file_size != entry.compress_size or entry.flag_bits & _ENCRYPTED:
            raise Refused(f"its entry {entry.filename!r} is compressed or encrypted, which ours never are")
    if len(set(names)) != len(names):
        raise Refused("its zip has two entries of one name")
    if SCHEMA not in names:
        raise Refused(f"its zip has no {SCHEMA}")
    schema = next(entry.file_size for entry in entries if entry.filename == SCHEMA)
    if schema > MAX_SCHEMA_BYTES:
        raise Refused(f"its {SCHEMA} has {schema:,} bytes, more than {MAX_SCHEMA_BYTES:,}")
    if sum(entry.file_size for entry in entries) > size:
        raise Refused("its entries claim more bytes than the file has")


def _read_header(file: Any, entry: ZipInfo) -> ArrayHeader:
    name = entry.filename
    try:
        version = np.lib.format.read_magic(file)
        if version != (1, 0):
            raise ValueError(f"version {version}")
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    except ValueError as error:
        raise Refused(f"its entry {name!r} is no NumPy array that we write: {error}") from error
    if dtype.hasobject or dtype.kind not in _PLAIN_KINDS or not dtype.itemsize:
        raise Refused(f"its array {name!r} has the type {dtype}, which may hide a pickle")
    if any(length < 0 for length in shape) or math.prod(shape) * dtype.itemsize != entry.file_size - file.tell():
        raise Refused(f"its array {name!r} does not have the bytes that its shape {shape} asks for")
    return ArrayHeader(dtype, shape)
