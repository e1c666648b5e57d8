"""Shared files that were just parsed, kept in this process: many days of one large file cost one reading.

A file is known again by place, size and times. Like git's index, one that changed a moment ago is not trusted to show
its next change in them, so it is read again.
"""

import time
from collections.abc import Callable, Iterator

import pyarrow as pa

from nightshift.io.sources.fetching.fetch import SourceFile

LIMIT = 128 << 20  # bytes, of all kept tables together
SETTLED = 2.0  # seconds; coarser than any file system's clock

Signature = tuple[int, ...]
Blocks = list[pa.Table]
_kept: dict[tuple[str, str], tuple[Signature, Blocks]] = {}


def read_kept(file: SourceFile, how: str, read: Callable[[], Iterator[pa.Table]]) -> Iterator[pa.Table]:
    """The blocks that `read` gives, or those that it gave before; `how` says what else they depend on."""
    if file.address != str(file.path):  # a temporary copy
        yield from read()
        return
    key, signature = (file.address, how), _sign(file)
    known = _kept.pop(key, None)
    if known and known[0] == signature:
        _kept[key] = known  # Used last, so dropped last.
        yield from known[1]
        return
    # What can't be kept is not gathered either; a file takes about as much memory as it has bytes, or more.
    blocks: Blocks | None = [] if signature and signature[2] <= LIMIT else None
    size = 0
    for block in read():
        if blocks is not None:
            blocks.append(block)
            size += block.nbytes
            blocks = blocks if size <= LIMIT else None
        yield block
    if blocks is not None and _sign(file) == signature:
        _keep(key, signature, blocks)


def _sign(file: SourceFile) -> Signature:
    """What changes when the file does, its size third; empty while that can't be relied on."""
    try:
        found = file.path.stat()
    except OSError:
        return ()
    if time.time() - max(found.st_mtime, found.st_ctime) < SETTLED:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _keep(key: tuple[str, str], signature: Signature, blocks: Blocks) -> None:
    _kept[key] = signature, blocks
    while sum(_count_bytes(kept) for _, kept in _kept.values()) > LIMIT:
        del _kept[next(iter(_kept))]


def _count_bytes(blocks: Blocks) -> int:
    return sum(block.nbytes for block in blocks)
