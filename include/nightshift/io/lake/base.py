"""The lake: immutable objects under unique names. Whoever holds an ObjectRef knows what it must find there."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Protocol, Self
from uuid import uuid4

from nightshift.errors import NightshiftError


class CorruptObject(NightshiftError):
    """What lies in the lake is not what the ledger says."""


@dataclass(frozen=True)
class ObjectRef:
    """Points at one object: address, hash of its bytes, rows inside (0 where rows make no sense)."""

    uri: str
    sha256: str
    rows: int

    def to_record(self) -> dict[str, Any]:
        """As plain values, for XCom and the ledger."""
        return {"uri": self.uri, "sha256": self.sha256, "rows": self.rows}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Self:
        """The reverse of `to_record`."""
        return cls(record["uri"], record["sha256"], record["rows"])


@dataclass(frozen=True)
class StoredObject:
    """One object as a listing shows it; `modified_at` by the store's clock."""

    uri: str
    key: str
    size: int
    modified_at: datetime


class Lake(Protocol):
    """What every implementation offers; tests/contract holds them to it. Keys are relative, such as `raw/x.parquet`."""

    def put_file(self, key: str, path: Path) -> str:
        """Store the file's bytes under a new key and return the object's URI; whole or not at all."""
        ...

    def get_file(self, uri: str, path: Path) -> None:
        """Copy the object into `path`; DataUnavailable where there is none."""
        ...

    def locate(self, uri: str) -> Path | None:
        """Where the object can be read without a copy; None where this lake has to fetch it."""
        ...

    def list_uris(self, prefix: str) -> Iterator[str]:
        """The URIs of all objects whose key starts with `prefix`, sorted."""
        ...

    def list_objects(self, prefix: str) -> Iterator[StoredObject]:
        """The same objects with size (bytes) and time, in any order."""
        ...

    def list_unfinished(self) -> Iterator[StoredObject]:
        """What writes that never ended have left behind; no reader sees any of it."""
        ...

    def delete_unfinished(self, unfinished: StoredObject) -> None:
        """Remove it; nothing happens where the write has ended meanwhile."""
        ...

    def delete(self, uri: str) -> None:
        """Remove the object; nothing happens where there is none."""
        ...

    def describe(self) -> str:
        """Where the lake is, for messages."""
        ...


def hash_file(path: Path) -> str:
    """The sha256 of the file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def make_attempt_id(now: datetime | None = None) -> str:
    """A name that no other attempt has; sorts by time."""
    return f"{(now or datetime.now(UTC)):%Y%m%dT%H%M%S%f}-{uuid4().hex[:12]}"


def read_attempt_time(name: str) -> datetime:
    """When the attempt was made, by the clock of the machine that made it; ValueError for another name."""
    return datetime.strptime(name.partition("-")[0], "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC)


def make_key(kind: str, pipeline: str, partition: date, attempt: str, suffix: str = ".parquet") -> str:
    """The key of one attempt's object: `raw/flights/2017-06-01/20261120T020000000000-0123456789ab.parquet`."""
    if not re.fullmatch(r"[\w-]+", attempt):
        raise ValueError(f"attempt {attempt!r} can't be part of a key")
    return f"{kind}/{pipeline}/{partition.isoformat()}/{attempt}{suffix}"


def fetch_verified(lake: Lake, ref: ObjectRef, path: Path) -> Path:
    """Copy the object into `path`; CorruptObject unless its bytes are those that were recorded."""
    lake.get_file(ref.uri, path)
    verify_file(path, ref)
    return path


def verify_file(path: Path, ref: ObjectRef) -> None:
    """CorruptObject unless the file's bytes are those that were recorded of the object."""
    found = hash_file(path)
    if found != ref.sha256:
        raise CorruptObject(
            f"{ref.uri} has sha256 {found[:12]}…, but {ref.sha256[:12]}… was recorded: the object was changed after it "
            "was written. Nothing was published; run the ingest of that partition again."
        )


def store_file(lake: Lake, key: str, path: Path, rows: int) -> ObjectRef:
    """Store the file and return what the ledger must say of it."""
    return ObjectRef(lake.put_file(key, path), hash_file(path), rows)
