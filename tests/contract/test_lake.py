"""Every lake keeps the same promises: in a folder and on a real S3 server."""

import errno
import os
import resource
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nightshift.config.airflow.connections import LAKE, ConnectionSpec
from nightshift.errors import DataUnavailable, NightshiftError
from nightshift.io.lake.base import CorruptObject, Lake, ObjectRef, fetch_verified, store_file
from nightshift.io.lake.folder import INCOMING, FolderLake
from nightshift.io.lake.open import open_lake
from nightshift.io.lake.s3 import S3Lake, make_s3_client
from tests.s3_server import S3Server, find_free_ports

HOSTILE_KEYS = (
    "../x", "a/../../x", "/etc/passwd", "a//b", "", ".", "..", "a/", "a/./b", ".incoming/x", "a\\b", "a b", "a\nb",
    "a\0b", "é", "x" * 300, "a/" * 500 + "a", "*", "a?b", "a#b", "%2e%2e/x",
)  # fmt: skip


@pytest.fixture(params=["folder", "s3", "s3 below a prefix"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Lake:
    """An empty lake of each kind."""
    if request.param == "folder":
        return open_lake(ConnectionSpec(LAKE, "fs", extra={"path": "the lake"}), tmp_path)
    server: S3Server = request.getfixturevalue("s3_server")
    prefix = "/deep/down/" if "prefix" in request.param else ""
    return open_lake(server.make_connection(server.make_bucket(), prefix), tmp_path)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[bytes], Path]:
    """Writes a local file with the given bytes."""

    def write_file(content: bytes) -> Path:
        path = tmp_path / f"local-{len(list(tmp_path.iterdir()))}"
        path.write_bytes(content)
        return path

    return write_file


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Where to copy an object to."""
    return tmp_path / "copy"


@pytest.mark.parametrize("size", [0, 1, 20 << 20])
def test_returns_the_bytes_that_were_put(lake: Lake, write: Callable[[bytes], Path], target: Path, size: int) -> None:
    """Also an empty object, and one that S3 takes in several parts."""
    content = os.urandom(size)
    uri = lake.put_file("raw/flights/2017-06-01/a.parquet", write(content))
    lake.get_file(uri, target)
    assert target.read_bytes() == content
    assert uri.endswith("/raw/flights/2017-06-01/a.parquet")


def test_objects_never_change(lake: Lake, write: Callable[[bytes], Path], target: Path) -> None:
    """A key that is taken is refused, and what it holds stays."""
    uri = lake.put_file("raw/a", write(b"first"))
    with pytest.raises(NightshiftError, match="raw/a: the key is taken"):
        lake.put_file("raw/a", write(b"second"))
    lake.get_file(uri, target)
    assert target.read_bytes() == b"first"


def test_a_missing_object_is_data_unavailable(lake: Lake, write: Callable[[bytes], Path], target: Path) -> None:
    """The message names the address; no empty file is left behind."""
    uri = lake.put_file("raw/a", write(b"x")).replace("raw/a", "raw/b")
    with pytest.raises(DataUnavailable, match="raw/b"):
        lake.get_file(uri, target)
    assert not target.exists()


def test_lists_what_starts_with_the_prefix_sorted(lake: Lake, write: Callable[[bytes], Path]) -> None:
    """The prefix is text, not a folder, as S3 has it."""
    uris = [
        lake.put_file(key, write(b"x")) for key in ("raw/b/2", "raw/b/1", "raw/bb/1", "raw/a", "raw-old/a", "model")
    ]
    assert list(lake.list_uris("raw/b")) == [uris[1], uris[0], uris[2]]
    assert list(lake.list_uris("raw/b/")) == [uris[1], uris[0]]
    assert list(lake.list_uris("")) == sorted(uris)
    assert list(lake.list_uris("nothing/here")) == []


def test_lists_more_than_one_page(lake: Lake, write: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """S3 gives its keys in pages."""
    monkeypatch.setattr("nightshift.io.lake.s3.PAGE", 3)
    uris = [lake.put_file(f"n/{number}", write(b"")) for number in range(8)]
    assert list(lake.list_uris("n/")) == uris


def test_deletes_once_and_again(lake: Lake, write: Callable[[bytes], Path], target: Path) -> None:
    """Deleting what is not there is no error."""
    uri = lake.put_file("raw/a", write(b"x"))
    lake.delete(uri)
    lake.delete(uri)
    assert list(lake.list_uris("")) == []
    with pytest.raises(DataUnavailable):
        lake.get_file(uri, target)


@pytest.mark.parametrize("key", HOSTILE_KEYS)
def test_refuses_hostile_keys(lake: Lake, write: Callable[[bytes], Path], tmp_path: Path, key: str) -> None:
    """Nothing leaves the lake, and both kinds take the same keys."""
    path = write(b"x")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(NightshiftError, match="can't be a key"):
        lake.put_file(key, path)
    assert sorted(tmp_path.iterdir()) == before


def test_refuses_what_belongs_to_others(lake: Lake, write: Callable[[bytes], Path], target: Path) -> None:
    """Another bucket, another folder, another scheme, a path that climbs out."""
    uri = lake.put_file("raw/a", write(b"x"))
    base = uri.removesuffix("raw/a")
    outside = write(b"secret")
    for foreign in (
        outside.as_uri(),
        "s3://another-bucket/raw/a",
        "s3://another-bucket/deep/down/raw/a",
        "http://127.0.0.1/raw/a",
        "raw/a",
        base + "../raw/a",
        base + "%2e%2e/raw/a",
        base,
    ):
        for use in (lake.delete, lambda address: lake.get_file(address, target)):
            with pytest.raises(NightshiftError, match=r"does not belong|can't be a key"):
                use(foreign)
    assert not target.exists()
    assert outside.read_bytes() == b"secret"


def test_only_one_of_many_writers_gets_the_key(tmp_path: Path, write: Callable[[bytes], Path]) -> None:
    """In a folder the key is taken in one step; S3 needs no such thing, since keys are unique per attempt."""
    lake, paths, won = FolderLake(tmp_path / "lake"), [write(bytes([n]) * 100_000) for n in range(8)], []

    def put(path: Path) -> None:
        with suppress(NightshiftError):
            won.append((path, lake.put_file("raw/a", path)))

    threads = [threading.Thread(target=put, args=(path,)) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert (tmp_path / "lake/raw/a").read_bytes() == won[0][0].read_bytes()


def test_a_changed_object_is_corrupt(lake: Lake, write: Callable[[bytes], Path], target: Path) -> None:
    """Whoever holds the reference knows what it must find."""
    ref = store_file(lake, "raw/a", write(b"right"), 1)
    other = store_file(lake, "raw/b", write(b"wrong"), 1)
    assert fetch_verified(lake, ref, target).read_bytes() == b"right"
    with pytest.raises(CorruptObject, match="was changed"):
        fetch_verified(lake, ObjectRef(other.uri, ref.sha256, 1), target)


def test_says_where_it_is(lake: Lake) -> None:
    """And never how to log in."""
    assert "the lake" in lake.describe() or "s3://nightshift-test-" in lake.describe()
    assert "SK" not in lake.describe() + repr(lake)


def test_lists_objects_with_their_size_and_time(lake: Lake, write: Callable[[bytes], Path]) -> None:
    """By the store's clock, and only those below the prefix."""
    uri = lake.put_file("raw/a/1", write(b"four"))
    lake.put_file("valid/a/1", write(b""))
    (found,) = lake.list_objects("raw/")
    assert (found.uri, found.key, found.size) == (uri, "raw/a/1", 4)
    assert abs(datetime.now(UTC) - found.modified_at) < timedelta(hours=1)
    assert {item.uri for item in lake.list_objects("")} == set(lake.list_uris(""))


# What only a folder can get wrong


def test_a_full_disk_leaves_nothing(tmp_path: Path, write: Callable[[bytes], Path]) -> None:
    """The write fails with a clear message, no object is seen, and the next one works."""
    lake, path = FolderLake(tmp_path / "lake"), write(b"x" * 1_000_000)
    with limit_file_size(100_000), pytest.raises(NightshiftError, match=r"Can't write raw/a .*File too large"):
        lake.put_file("raw/a", path)
    assert list(lake.list_uris("")) == []
    assert [item for item in (tmp_path / "lake").rglob("*") if item.is_file()] == []
    lake.put_file("raw/a", path)


def test_symbolic_links_do_not_lead_out(tmp_path: Path, write: Callable[[bytes], Path], target: Path) -> None:
    """Neither to write, nor to read, nor to delete."""
    lake, outside = FolderLake(tmp_path / "lake"), tmp_path / "outside"
    outside.mkdir()
    (outside / "a").write_bytes(b"secret")
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake/raw").symlink_to(outside)
    uri = (tmp_path / "lake/raw/a").as_uri()
    for use in (
        lambda: lake.put_file("raw/b", write(b"x")),
        lambda: lake.get_file(uri, target),
        lambda: lake.delete(uri),
        lambda: list(lake.list_uris("raw/")),
    ):
        with pytest.raises(NightshiftError, match="leads out"):
            use()
    assert [item.name for item in outside.iterdir()] == ["a"]


def test_half_written_objects_are_never_seen(tmp_path: Path) -> None:
    """What a killed process left behind is no object."""
    lake = FolderLake(tmp_path)
    (tmp_path / INCOMING).mkdir()
    (tmp_path / INCOMING / "half").write_bytes(b"x")
    assert list(lake.list_uris("")) == []
    assert list(lake.list_uris(".inc")) == []


def test_works_without_hard_links(
    tmp_path: Path, write: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some file systems have none."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    lake = FolderLake(tmp_path / "lake")
    lake.put_file("raw/a", write(b"x"))
    with pytest.raises(NightshiftError, match="key is taken"):
        lake.put_file("raw/a", write(b"y"))
    assert (tmp_path / "lake/raw/a").read_bytes() == b"x"


def test_what_a_killed_process_left_in_a_folder_can_be_removed(tmp_path: Path) -> None:
    """Only that, and twice does no harm."""
    lake = FolderLake(tmp_path)
    (tmp_path / INCOMING).mkdir()
    for name in ("half", "other"):
        (tmp_path / INCOMING / name).write_bytes(b"xyz")
    half, _ = lake.list_unfinished()
    assert half.size == 3
    for _ in range(2):
        lake.delete_unfinished(half)
    assert [item.name for item in (tmp_path / INCOMING).iterdir()] == ["other"]


# What only a bucket can get wrong


def test_uploads_that_were_never_completed_can_be_removed(
    s3_server: S3Server, tmp_path: Path, write: Callable[[bytes], Path]
) -> None:
    """Only those below the prefix, none that is an object by now, and twice does no harm."""
    connection = s3_server.make_connection(s3_server.make_bucket(), "house")
    lake, client, bucket = open_lake(connection, tmp_path), make_s3_client(connection), connection.extra["bucket"]
    for key in ("house/raw/a", "elsewhere"):
        client.create_multipart_upload(Bucket=bucket, Key=key)
    whole = lake.put_file("raw/b", write(b"x" * (20 << 20)))
    (found,) = lake.list_unfinished()
    assert found.key == "raw/a"
    for _ in range(2):
        lake.delete_unfinished(found)
    assert list(lake.list_unfinished()) == []
    assert list(lake.list_uris("")) == [whole]
    assert [item["Key"] for item in client.list_multipart_uploads(Bucket=bucket)["Uploads"]] == ["elsewhere"]


def test_lakes_of_one_bucket_do_not_meet(s3_server: S3Server, tmp_path: Path, write: Callable[[bytes], Path]) -> None:
    """Each sees what lies below its prefix, and touches nothing else."""
    bucket = s3_server.make_bucket()
    one, two = (open_lake(s3_server.make_connection(bucket, prefix), tmp_path) for prefix in ("one", "/two/"))
    uris = [lake.put_file("raw/a", write(b"x")) for lake in (one, two)]
    assert uris == [f"s3://{bucket}/one/raw/a", f"s3://{bucket}/two/raw/a"]
    assert list(one.list_uris("")) == uris[:1]
    with pytest.raises(NightshiftError, match="does not belong"):
        one.delete(uris[1])
    assert list(two.list_uris("")) == uris[1:]


def test_a_bucket_that_does_not_exist_is_named(
    s3_server: S3Server, tmp_path: Path, write: Callable[[bytes], Path]
) -> None:
    """With the connection that names it, whatever is tried first."""
    lake = open_lake(s3_server.make_connection("no-such-bucket", conn_id="my_lake"), tmp_path)
    for use in (
        lambda: lake.put_file("raw/a", write(b"x")),
        lambda: lake.get_file("s3://no-such-bucket/raw/a", tmp_path / "copy"),
        lambda: list(lake.list_uris("")),
        lambda: lake.delete("s3://no-such-bucket/raw/a"),
    ):
        with pytest.raises(NightshiftError, match=r"Bucket 'no-such-bucket' does not exist.*'my_lake'"):
            use()


def test_a_wrong_key_is_refused_without_being_printed(s3_server: S3Server, write: Callable[[bytes], Path]) -> None:
    """The message names the connection, never the secret."""
    right = s3_server.make_connection(s3_server.make_bucket())
    wrong = ConnectionSpec(LAKE, "aws", login=right.login, password="canary-secret", extra=right.extra)
    with pytest.raises(NightshiftError, match=f"{LAKE!r} is not allowed") as caught:
        S3Lake(make_s3_client(wrong), right.extra["bucket"]).put_file("raw/a", write(b"x"))
    assert "canary" not in str(caught.value)


@pytest.mark.timeout(120)
def test_a_server_that_is_down_is_named(tmp_path: Path, write: Callable[[bytes], Path]) -> None:
    """With its connection and address."""
    endpoint = f"http://127.0.0.1:{find_free_ports(1)[0]}"
    lake = open_lake(
        ConnectionSpec(LAKE, "aws", login="a", password="b", extra={"bucket": "x-x", "endpoint_url": endpoint}),
        tmp_path,
    )
    with pytest.raises(NightshiftError, match=f"{LAKE!r}.*{endpoint}"):
        lake.put_file("raw/a", write(b"x"))


# Connections


@pytest.mark.parametrize(
    ("connection", "message"),
    [
        (ConnectionSpec("my_lake", "ftp"), r"'my_lake' is of type 'ftp'.*'fs'.*'aws'"),
        (ConnectionSpec("my_lake", "fs"), r"'my_lake' has no \"path\""),
        (ConnectionSpec("my_lake", "aws"), r"'my_lake' has no \"bucket\""),
        (
            ConnectionSpec("my_lake", "aws", extra={"bucket": "b-b", "endpoint_url": "no url"}),
            "'my_lake' is not usable",
        ),
    ],
)
def test_an_unusable_connection_is_named(connection: ConnectionSpec, message: str, tmp_path: Path) -> None:
    """With what is possible instead."""
    with pytest.raises(NightshiftError, match=message):
        open_lake(connection, tmp_path)


def test_an_absolute_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    """A relative one starts at the root that is given."""
    spec = ConnectionSpec(LAKE, "fs", extra={"path": str(tmp_path / "abs")})
    assert str(tmp_path / "abs") in open_lake(spec, Path("/elsewhere")).describe()


@contextmanager
def limit_file_size(size: int) -> Iterator[None]:
    """No file of this process may grow beyond `size`: as good as a full disk."""
    old_limit, old_handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, old_limit[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old_limit)
        signal.signal(signal.SIGXFSZ, old_handler)
