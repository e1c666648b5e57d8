"""Brings the files of an address into reach: a folder's as they are, S3's and HTTP's as temporary copies."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from typing import Any

from nightshift.config.airflow.connections import ConnectionSpec
from nightshift.errors import DataUnavailable, NightshiftError
from nightshift.io.runtime.temp_files import open_temporary_folder
from nightshift.io.sources.fetching.address import resolve_path
from nightshift.io.sources.formats.unreadable import show_name


@dataclass(frozen=True)
class SourceFile:
    """A local file, and the address under which the user knows it."""

    path: Path
    address: str

    @property
    def name(self) -> str:
        """The address for messages."""
        return show_name(self.address)


class Fetcher:
    """Fetches with one connection; its client is made once, and only for S3."""

    def __init__(self, connection: ConnectionSpec | None = None) -> None:
        self._connection = connection
        self._client: Any = None

    def fetch(self, address: str) -> Iterator[SourceFile]:
        """The files at `address`, sorted by name, at least one; a copy lives until the next one is asked for."""
        scheme = address.partition("://")[0].lower() if "://" in address else "file"
        if scheme == "s3":
            return self._fetch_from_s3(address)
        if scheme in ("http", "https"):
            return self._fetch_from_http(address)
        if scheme == "file":
            return iter(find_local_files(address.removeprefix("file://")))
        known = "possible are a path, s3://, http:// and https://"
        raise NightshiftError(f"{show_name(address)}: can't read {scheme}://; {known}")

    def _fetch_from_s3(self, address: str) -> Iterator[SourceFile]:
        if self._connection is None:
            raise NightshiftError(f"{show_name(address)}: name the S3 server's connection in source.connection")
        # boto3 takes a third of a second to import, so local files never pay for it.
        from nightshift.io.lake.s3 import download_object, list_keys, make_s3_client

        client = self._client = self._client or make_s3_client(self._connection)
        bucket, _, pattern = address.partition("://")[2].partition("/")
        keys, conn_id = [pattern], self._connection.conn_id
        if "*" in pattern:
            keys = match_keys(pattern, list_keys(client, bucket, pattern.partition("*")[0], conn_id))
        if not keys:
            raise DataUnavailable(f"No object matches {show_name(address)} (connection {conn_id!r})")
        for key in keys:
            with open_temporary_folder() as folder:
                path = folder / "object"
                download_object(client, bucket, key, path, conn_id)
                yield SourceFile(path, f"s3://{bucket}/{key}")

    def _fetch_from_http(self, address: str) -> Iterator[SourceFile]:
        if "*" in address:
            raise NightshiftError(f"{show_name(address)}: HTTP can't list files, so its path can't hold *")
        from nightshift.io.sources.fetching.http import download_url

        # The query may hold a token, and a file's format shows in the path.
        shown = re.split(r"[?#]", address, maxsplit=1)[0]
        with open_temporary_folder() as folder:
            path = folder / "object"
            download_url(address, shown, path, self._connection)
            yield SourceFile(path, shown)


def match_keys(pattern: str, keys: list[str]) -> list[str]:
    """The keys that a pattern names; as in a folder, `*` stops at a slash."""
    expression = re.compile("[^/]*".join(re.escape(part) for part in pattern.split("*")))
    return [key for key in keys if expression.fullmatch(key)]


def find_local_files(address: str) -> list[SourceFile]:
    """The files that a local path or pattern names; DataUnavailable where there is none."""
    pattern = resolve_path(address)
    # Only `*` is a wildcard: `[` and `?` are ordinary characters of a file's name.
    escaped = re.sub(r"[\[?]", r"[\g<0>]", str(pattern))
    # Path.glob would find hidden files too, such as a copy that is still being written.
    paths = [Path(name) for name in sorted(glob(escaped))] if "*" in escaped else [pattern]  # noqa: PTH207
    if not paths:
        raise DataUnavailable(f"No file matches {show_name(pattern)}")
    for path in paths:
        _require_file(path)
    return [SourceFile(path, str(path)) for path in paths]


def _require_file(path: Path) -> None:
    try:
        if path.is_file():
            return
        problem = "is not a file" if path.exists() else "does not exist"
    except OSError as error:
        problem = f"can't be looked at: {error.strerror}"
    raise DataUnavailable(f"{show_name(path)} {problem}")
