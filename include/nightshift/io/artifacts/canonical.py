"""The same model, the same bytes: what skops takes from the process (addresses, times, threads) is written anew.

Addresses of objects become numbers in the order of their first appearance, and only where an object appears again;
arrays are named in that order, once per content; entries carry no time.
"""

import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import numpy as np

from nightshift.io.artifacts.archive import SCHEMA

Node = dict[str, Any]

# Plain values and names: whether two of them are one object makes no difference, and depends on the interpreter.
_VALUES = frozenset({"JsonNode", "TypeNode", "FunctionNode"})


@dataclass
class Numbering:
    """What has a number so far, and the arrays in their order."""

    shared: frozenset[int]
    numbers: dict[int, int] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    arrays: list[bytes] = field(default_factory=list)


def rewrite_archive(source: ZipFile, target: Path) -> None:
    """Write the model of an archive that skops dumped into `target`, in the canonical form."""
    schema = json.loads(source.read(SCHEMA))
    appearances = Counter(node["__id__"] for node in _walk(schema) if node["__loader__"] not in _VALUES)
    numbering = Numbering(frozenset(identity for identity, times in appearances.items() if times > 1))
    content = json.dumps(_renumber(schema, numbering, source), separators=(",", ":")).encode()
    with ZipFile(target, "w", ZIP_STORED) as archive:
        archive.writestr(_describe_entry(SCHEMA), content)
        for number, array in enumerate(numbering.arrays):
            archive.writestr(_describe_entry(f"{number}.npy"), array)


def _walk(value: Any) -> Iterator[Node]:
    """All nodes, from outside to inside."""
    if isinstance(value, dict):
        if "__loader__" in value:
            yield value
        for inner in value.values():
            yield from _walk(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _walk(inner)


def _renumber(value: Any, numbering: Numbering, source: ZipFile) -> Any:
    if isinstance(value, list):
        return [_renumber(inner, numbering, source) for inner in value]
    if not isinstance(value, dict):
        return value
    written: Node = {}
    for key, inner in value.items():
        if "__loader__" in value and key == "file":
            written[key] = _name_array(source.read(inner), numbering)
        elif "__loader__" in value and key == "__id__":
            if inner in numbering.shared and value["__loader__"] not in _VALUES:
                written[key] = numbering.numbers.setdefault(inner, len(numbering.numbers) + 1)
        else:
            written[key] = _renumber(inner, numbering, source)
    _forget_threads(written)
    return written


def _name_array(content: bytes, numbering: Numbering) -> str:
    content = _clear_padding(content)
    digest = hashlib.sha256(content).hexdigest()
    if digest not in numbering.names:
        numbering.names[digest] = f"{len(numbering.arrays)}.npy"
        numbering.arrays.append(content)
    return numbering.names[digest]


def _clear_padding(content: bytes) -> bytes:
    """Records have gaps between their fields, with whatever was in memory."""
    array = np.load(io.BytesIO(content), allow_pickle=False)
    if not array.dtype.names:
        return content
    clean = np.zeros(array.shape, array.dtype)
    for name in array.dtype.names:
        clean[name] = array[name]
    buffer = io.BytesIO()
    np.save(buffer, clean, allow_pickle=False)
    return buffer.getvalue()


def _forget_threads(node: Node) -> None:
    """A boosting keeps how many threads the machine had; they have no effect on its trees."""
    if node.get("__class__") == "_BinMapper" and node.get("__loader__") == "ObjectNode":
        node["content"]["content"]["n_threads"]["content"] = "1"


def _describe_entry(name: str) -> ZipInfo:
    entry = ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    entry.external_attr, entry.create_system = 0o600 << 16, 3
    return entry
