"""The policies of deploy/s3 on a real S3 server: who may read can't write, and says which connection it was."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from nightshift.config.project import PROJECT_ROOT
from nightshift.errors import NightshiftError
from nightshift.io.lake.s3 import S3Lake, make_s3_client
from tests.s3_server import S3Server

pytestmark = pytest.mark.guarantee(21)
POLICIES = PROJECT_ROOT / "deploy" / "s3"
OpenAs = Callable[[str], tuple[S3Lake, Any, str]]
GUEST = {"AWS": ["arn:aws:iam:::user/guest"]}


def make_policy(name: str, bucket: str) -> str:
    """The example as a policy of the bucket, which names the user, too."""
    policy = json.loads((POLICIES / f"{name}.json").read_text().replace(":::nightshift", f":::{bucket}"))
    return json.dumps({**policy, "Statement": [{**rule, "Principal": GUEST} for rule in policy["Statement"]]})


@pytest.fixture
def open_as(s3_server: S3Server) -> OpenAs:
    """A lake with one object, its client and the object's key, as the user to whom a policy gives some rights."""

    def make(name: str) -> tuple[S3Lake, Any, str]:
        bucket = s3_server.make_bucket()
        owner = make_s3_client(s3_server.make_connection(bucket))
        owner.put_object(Bucket=bucket, Key="data/kept", Body=b"kept")
        guest = s3_server.become_guest()
        owner.put_bucket_policy(Bucket=bucket, Policy=make_policy(name, bucket))
        client = make_s3_client(guest.make_connection(bucket))
        return S3Lake(client, bucket, "", "nightshift_lake"), client, bucket

    return make


def write(folder: Path) -> Path:
    path = folder / "new"
    path.write_bytes(b"new")
    return path


def read(lake: S3Lake, uri: str, folder: Path) -> bytes:
    lake.get_file(uri, folder / "read")
    return (folder / "read").read_bytes()


def is_refused(call: Callable[..., Any], **arguments: Any) -> bool:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return bool(caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403)


def test_a_reader_reads_and_changes_nothing(open_as: OpenAs, tmp_path: Path) -> None:
    lake, client, bucket = open_as("reader")
    assert read(lake, f"s3://{bucket}/data/kept", tmp_path) == b"kept"
    with pytest.raises(NightshiftError, match="connection 'nightshift_lake' is not allowed to do this") as caught:
        lake.put_file("data/new", write(tmp_path))
    assert f"s3://{bucket}/data/new" in str(caught.value)
    assert is_refused(client.put_object, Bucket=bucket, Key="data/kept", Body=b"changed")
    assert is_refused(client.delete_object, Bucket=bucket, Key="data/kept")
    assert is_refused(client.delete_bucket, Bucket=bucket)
    assert is_refused(client.create_multipart_upload, Bucket=bucket, Key="data/kept")
    assert is_refused(client.delete_bucket_policy, Bucket=bucket)
    with pytest.raises(NightshiftError, match="not allowed to do this"):
        lake.delete(f"s3://{bucket}/data/kept")
    assert read(lake, f"s3://{bucket}/data/kept", tmp_path) == b"kept"


@pytest.mark.parametrize(("name", "deletes"), [("writer", False), ("writer-with-maintenance", True)])
def test_a_writer_writes_and_only_upkeep_deletes(open_as: OpenAs, tmp_path: Path, name: str, deletes: bool) -> None:
    lake, client, bucket = open_as(name)
    uri = lake.put_file("data/new", write(tmp_path))
    assert read(lake, uri, tmp_path) == b"new"
    if deletes:
        assert list(lake.list_unfinished()) == []
        lake.delete(uri)
        assert list(lake.list_uris("data/new")) == []
    else:
        assert is_refused(client.delete_object, Bucket=bucket, Key="data/new")
    assert is_refused(client.put_bucket_policy, Bucket=bucket, Policy=make_policy("reader", bucket))


def test_without_a_policy_the_guest_sees_nothing(s3_server: S3Server) -> None:
    bucket = s3_server.make_bucket()
    client = make_s3_client(s3_server.become_guest().make_connection(bucket))
    assert is_refused(client.list_objects_v2, Bucket=bucket)
