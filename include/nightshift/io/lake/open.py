"""A connection -> the lake it describes."""

from pathlib import Path

from nightshift.config.airflow.connections import ConnectionSpec
from nightshift.errors import NightshiftError
from nightshift.io.lake.base import Lake


def open_lake(connection: ConnectionSpec, root: Path) -> Lake:
    """The lake of a connection; a folder's relative path starts at `root`."""
    if connection.conn_type == "fs":
        return _open_folder(connection, root)
    if connection.conn_type == "aws":
        return _open_bucket(connection)
    raise NightshiftError(
        f"Connection {connection.conn_id!r} is of type {connection.conn_type!r}, which can't hold a lake; "
        'use \'fs\' with extra {"path": …} for a folder, or \'aws\' with extra {"bucket": …, "endpoint_url": …} for S3'
    )


def _open_folder(connection: ConnectionSpec, root: Path) -> Lake:
    from nightshift.io.lake.folder import FolderLake

    return FolderLake(root / _require_extra(connection, "path", ".nightshift/lake"))


def _open_bucket(connection: ConnectionSpec) -> Lake:
    # boto3 takes a third of a second to import, so those with a folder never pay for it.
    from nightshift.io.lake.s3 import S3Lake, make_s3_client

    bucket = _require_extra(connection, "bucket", "my-bucket")
    prefix = str(connection.extra.get("prefix") or "")
    return S3Lake(make_s3_client(connection), bucket, prefix, connection.conn_id)


def _require_extra(connection: ConnectionSpec, name: str, example: str) -> str:
    value = connection.extra.get(name)
    if not isinstance(value, str) or not value.strip():
        needed = f'"{name}" in its extra, as in {{"{name}": "{example}"}}'
        raise NightshiftError(f"Connection {connection.conn_id!r} has no {needed}")
    return value
