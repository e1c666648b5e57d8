"""The lake in a local folder; URIs are `file:///abs/path`."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from nightshift.errors import DataUnavailable, NightshiftError
from nightshift.io.lake.base import StoredObject
from nightshift.io.lake.keys import check_key
from nightshift.io.runtime.temp_files import FULL, explain_os_error

# Half-written files live here: no key starts with a dot, so nobody ever lists or reads one.
INCOMING = ".incoming"
NO_HARD_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS)


class FolderLake:
    """Objects are files below `root`, which is made when the first one is put."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()

    def put_file(self, key: str, path: Path) -> str:
        """Store the file's bytes under a new key and return the object's URI; whole or not at all."""
        target = self._refuse_escape(self.root / check_key(key))
        with self._explain_os_errors(f"write {key}"):
            target.parent.mkdir(parents=True, exist_ok=True)
            incoming = self.root / INCOMING / uuid4().hex
            incoming.parent.mkdir(exist_ok=True)
            try:
                copy_durably(path, incoming)
                publish_file(incoming, target)
            finally:
                incoming.unlink(missing_ok=True)
        return target.as_uri()

    def get_file(self, uri: str, path: Path) -> None:
        """Copy the object into `path`; DataUnavailable where there is none."""
        source = self.locate(uri)
        with self._explain_os_errors(f"read {uri}", writes=False):
            shutil.copyfile(source, path)

    def locate(self, uri: str) -> Path:
        """Where the object can be read without a copy; DataUnavailable where there is none."""
        path = self._find_path(uri)
        if not path.is_file():
            raise DataUnavailable(f"{uri} is not in the lake ({self.describe()})")
        return path

    def list_uris(self, prefix: str) -> Iterator[str]:
        """The URIs of all objects whose key starts with `prefix`, sorted."""
        return iter([(self.root / key).as_uri() for key in sorted(self._list_keys(prefix))])

    def list_objects(self, prefix: str) -> Iterator[StoredObject]:
        """The same objects with size (bytes) and time, in any order."""
        for key in self._list_keys(prefix):
            # Whoever else tidies up may have been faster.
            with suppress(FileNotFoundError):
                yield self._describe_file(self.root / key)

    def list_unfinished(self) -> Iterator[StoredObject]:
        """Files that were never given their names, as of a killed process."""
        for path in sorted((self.root / INCOMING).glob("*")):
            with suppress(FileNotFoundError):
                yield self._describe_file(path)

    def delete_unfinished(self, unfinished: StoredObject) -> None:
        """Remove it; nothing happens where the write has ended meanwhile."""
        with self._explain_os_errors(f"delete {unfinished.uri}"):
            (self.root / INCOMING / Path(unfinished.key).name).unlink(missing_ok=True)

    def delete(self, uri: str) -> None:
        """Remove the object; nothing happens where there is none."""
        path = self._find_path(uri)
        with self._explain_os_errors(f"delete {uri}"):
            path.unlink(missing_ok=True)

    def describe(self) -> str:
        """Where the lake is, for messages."""
        return f"folder {self.root}"

    def _list_keys(self, prefix: str) -> Iterator[str]:
        start = self._refuse_escape(self.root / prefix.rpartition("/")[0])
        for folder, folders, files in os.walk(start):
            folders[:] = [name for name in folders if not name.startswith(".")]
            keys = (Path(folder, name).relative_to(self.root).as_posix() for name in files if not name.startswith("."))
            yield from (key for key in keys if key.startswith(prefix))

    def _describe_file(self, path: Path) -> StoredObject:
        found = path.stat()
        modified_at = datetime.fromtimestamp(found.st_mtime, UTC)
        return StoredObject(path.as_uri(), path.relative_to(self.root).as_posix(), found.st_size, modified_at)

    def _find_path(self, uri: str) -> Path:
        """The path of an object of this lake; NightshiftError for anything else."""
        parts = urlsplit(uri)
        path = Path(unquote(parts.path))
        if parts.scheme != "file" or parts.netloc or not path.is_relative_to(self.root):
            raise NightshiftError(f"{uri} does not belong to this lake ({self.describe()})")
        check_key(path.relative_to(self.root).as_posix())
        return self._refuse_escape(path)

    def _refuse_escape(self, path: Path) -> Path:
        """Return `path` unless `..` or a symbolic link leads out of the lake."""
        if not path.resolve().is_relative_to(self.root):
            raise NightshiftError(f"{path} leads out of the lake ({self.describe()}); remove the symbolic link")
        return path

    @contextmanager
    def _explain_os_errors(self, action: str, writes: bool = True) -> Iterator[None]:
        try:
            yield
        except FileExistsError as error:
            raise NightshiftError(
                f"Can't {action}: the key is taken in the lake ({self.describe()}), and objects never change. "
                "Put the new bytes under a key of their own."
            ) from error
        except OSError as error:
            if error.errno in FULL and not writes:
                raise  # it is the disk of the copy that is full: whoever chose the place explains it
            raise explain_os_error(f"Can't {action} in the lake ({self.describe()})", error) from error


def copy_durably(path: Path, target: Path) -> None:
    """Copy the bytes and wait until they are on the disk."""
    with path.open("rb") as source, target.open("xb") as sink:
        shutil.copyfileobj(source, sink, 1 << 20)
        sink.flush()
        os.fsync(sink.fileno())


def publish_file(incoming: Path, target: Path) -> None:
    """Give the finished file its name, in one step; FileExistsError where the name is taken."""
    try:
        os.link(incoming, target)
    except OSError as error:
        if error.errno not in NO_HARD_LINKS:
            raise
        # Without hard links the look and the rename are two steps; keys are unique, so nobody comes between them.
        if target.exists():
            raise FileExistsError(errno.EEXIST, "File exists") from error
        incoming.rename(target)
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Wait until the folder's new entry is on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
