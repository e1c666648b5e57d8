"""The lake in a bucket of any S3 server; URIs are `s3://bucket/key`. No conditional writes: keys are unique."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3
from boto3.exceptions import Boto3Error, RetriesExceededError
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ChecksumError, ClientError, HTTPClientError, IncompleteReadError
from botocore.exceptions import ConnectionError as NoConnection
from urllib3.exceptions import HTTPError

from nightshift.config.airflow.connections import LAKE, ConnectionSpec
from nightshift.errors import DataUnavailable, NightshiftError, TemporarilyUnavailable
from nightshift.io.lake.base import StoredObject
from nightshift.io.lake.keys import check_key

S3Client = Any  # boto3 makes its clients at run time, so there is no type to name
PAGE = 1000  # keys in one answer
MISSING = ("404", "NoSuchKey")
# What a server that is in trouble says where its status does not; the last: it forgot an upload that it was sent.
PASSING = ("SlowDown", "RequestTimeout", "Throttling", "QuotaExceeded", "XMinioStorageFull", "NoSuchUpload")
LOST = (
    NoConnection,
    HTTPClientError,
    IncompleteReadError,
    ChecksumError,
    RetriesExceededError,
    HTTPError,
    ConnectionError,
)
TOO_MANY, INTERNAL = 429, 500
SECONDS = {"connect_timeout": 10, "read_timeout": 60}
REFUSED = ("403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch")


def make_s3_client(connection: ConnectionSpec) -> S3Client:
    """A client for the connection's server; without a login boto3 looks for credentials in its usual places."""
    extra = connection.extra
    endpoint = extra.get("endpoint_url")
    config = Config(
        # Servers other than AWS seldom have a host name per bucket, and some can't take the newer checksums.
        s3={"addressing_style": "path" if endpoint else "auto"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        retries={"mode": "standard", "total_max_attempts": 5},
        **_read_timeouts(connection),
    )
    try:
        return boto3.session.Session().client(
            "s3",
            endpoint_url=endpoint,
            region_name=extra.get("region_name") or "us-east-1",
            aws_access_key_id=connection.login,
            aws_secret_access_key=connection.password,
            aws_session_token=extra.get("aws_session_token"),
            config=config,
        )
    except (BotoCoreError, ValueError) as error:
        raise NightshiftError(f"Connection {connection.conn_id!r} is not usable for S3: {error}") from error


def _read_timeouts(connection: ConnectionSpec) -> dict[str, float]:
    """Seconds to wait for the server: `connect_timeout` and `read_timeout` of the connection's extra, or ours."""
    try:
        seconds = {name: float(connection.extra.get(name) or usual) for name, usual in SECONDS.items()}
    except (TypeError, ValueError):
        seconds = {}
    if not seconds or not all(0 < value < math.inf for value in seconds.values()):
        wanted = " and ".join(SECONDS)
        raise NightshiftError(f"Connection {connection.conn_id!r}: {wanted} in its extra must be seconds above 0")
    return seconds


@contextmanager
def explain_s3_errors(where: str, bucket: str, connection: str) -> Iterator[None]:
    """Turn the client's errors into one sentence: what, where, which connection.

    TemporarilyUnavailable where the server is in trouble or can't be reached: the same call may work in a while.
    """
    try:
        yield
    except ClientError as error:
        raise _explain_answer(error, where, bucket, connection) from error
    except LOST as error:
        raise TemporarilyUnavailable(f"{where} can't be reached with connection {connection!r}: {error}") from error
    except (BotoCoreError, Boto3Error) as error:
        raise NightshiftError(f"{where} can't be used with connection {connection!r}: {error}") from error


def _explain_answer(error: ClientError, where: str, bucket: str, connection: str) -> NightshiftError:
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code == "NoSuchBucket":
        return DataUnavailable(f"Bucket {bucket!r} does not exist; make it, or correct connection {connection!r}")
    if code in MISSING:
        return DataUnavailable(f"{where} does not exist (connection {connection!r})")
    if code in REFUSED:
        return NightshiftError(f"{where}: connection {connection!r} is not allowed to do this ({code})")
    if code in PASSING or status == TOO_MANY or status >= INTERNAL:
        return TemporarilyUnavailable(f"{where}, connection {connection!r}: the server is in trouble: {error}")
    return NightshiftError(f"{where}, connection {connection!r}: {error}")


def download_object(client: S3Client, bucket: str, key: str, path: Path, connection: str) -> None:
    """Copy one object into `path`; DataUnavailable where there is no such object or bucket."""
    with explain_s3_errors(f"s3://{bucket}/{key}", bucket, connection):
        client.download_file(bucket, key, str(path))


def list_keys(client: S3Client, bucket: str, prefix: str, connection: str) -> list[str]:
    """All keys that start with `prefix`, sorted: not every server sorts them."""
    with explain_s3_errors(f"s3://{bucket}/{prefix}", bucket, connection):
        lister = client.get_paginator("list_objects_v2")
        pages = lister.paginate(Bucket=bucket, Prefix=prefix, PaginationConfig={"PageSize": PAGE})
        return sorted(item["Key"] for page in pages for item in page.get("Contents", ()))


class S3Lake:
    """Objects below `prefix` of one bucket."""

    def __init__(self, client: S3Client, bucket: str, prefix: str = "", connection: str = LAKE) -> None:
        self._client, self.bucket, self.connection = client, bucket, connection
        self.prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""

    def put_file(self, key: str, path: Path) -> str:
        """Store the file's bytes under a new key and return the object's URI; whole or not at all."""
        full = self.prefix + check_key(key)
        uri = f"s3://{self.bucket}/{full}"
        with explain_s3_errors(uri, self.bucket, self.connection):
            if self._exists(full):
                raise NightshiftError(
                    f"Can't write {key}: the key is taken in the lake ({self.describe()}), and objects never change. "
                    "Put the new bytes under a key of their own."
                )
            with path.open("rb") as file:
                self._client.upload_fileobj(file, self.bucket, full)
        return uri

    def get_file(self, uri: str, path: Path) -> None:
        """Copy the object into `path`; DataUnavailable where there is none."""
        download_object(self._client, self.bucket, self._find_key(uri), path, self.connection)

    def locate(self, uri: str) -> None:
        """Nowhere: a bucket's objects have to be fetched."""

    def list_uris(self, prefix: str) -> Iterator[str]:
        """The URIs of all objects whose key starts with `prefix`, sorted."""
        keys = list_keys(self._client, self.bucket, self.prefix + prefix, self.connection)
        return (f"s3://{self.bucket}/{key}" for key in keys)

    def list_objects(self, prefix: str) -> Iterator[StoredObject]:
        """The same objects with size (bytes) and time, in any order."""
        for item in self._list_pages("list_objects_v2", "Contents", prefix):
            yield self._describe(item["Key"], item["Size"], item["LastModified"])

    def list_unfinished(self) -> Iterator[StoredObject]:
        """Uploads in several parts that were begun and never completed; the size of their parts is not known."""
        for item in self._list_pages("list_multipart_uploads", "Uploads", ""):
            begun = self._describe(item["Key"], 0, item["Initiated"])
            yield replace(begun, uri=f"{begun.uri}#{item['UploadId']}")

    def delete_unfinished(self, unfinished: StoredObject) -> None:
        """Remove it; nothing happens where the write has ended meanwhile."""
        uri, _, upload = unfinished.uri.rpartition("#")
        key = self._find_key(uri)
        with explain_s3_errors(uri, self.bucket, self.connection):
            try:
                self._client.abort_multipart_upload(Bucket=self.bucket, Key=key, UploadId=upload)
            except self._client.exceptions.NoSuchUpload:
                return

    def delete(self, uri: str) -> None:
        """Remove the object; nothing happens where there is none."""
        key = self._find_key(uri)
        with explain_s3_errors(uri, self.bucket, self.connection):
            self._client.delete_object(Bucket=self.bucket, Key=key)

    def describe(self) -> str:
        """Where the lake is, for messages."""
        return f"s3://{self.bucket}/{self.prefix} at {self._client.meta.endpoint_url}"

    def _list_pages(self, operation: str, field: str, prefix: str) -> Iterator[dict[str, Any]]:
        where = self.prefix + prefix
        with explain_s3_errors(f"s3://{self.bucket}/{where}", self.bucket, self.connection):
            for page in self._client.get_paginator(operation).paginate(Bucket=self.bucket, Prefix=where):
                yield from page.get(field, ())

    def _describe(self, full: str, size: int, modified_at: datetime) -> StoredObject:
        return StoredObject(f"s3://{self.bucket}/{full}", full.removeprefix(self.prefix), size, modified_at)

    def _exists(self, full: str) -> bool:
        try:
            self._client.head_object(Bucket=self.bucket, Key=full)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in MISSING:
                return False
            raise
        return True

    def _find_key(self, uri: str) -> str:
        """The full key of an object of this lake; NightshiftError for anything else."""
        base = f"s3://{self.bucket}/{self.prefix}"
        if not uri.startswith(base):
            raise NightshiftError(f"{uri} does not belong to this lake ({self.describe()})")
        return self.prefix + check_key(uri.removeprefix(base))
