"""What airflow-init does beyond the schemas: the login of the UI, and a bucket that strangers can't read."""

import json
import os
import sys
from pathlib import Path

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from nightshift.config.airflow.connection_text import parse_connection
from nightshift.config.airflow.connections import LAKE, ConnectionSpec
from nightshift.io.lake.s3 import make_s3_client


def main() -> int:
    """Prepare both; 1 where the lake is open to everybody."""
    write_login(Path(os.environ["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"]), os.environ["ADMIN_PASSWORD"])
    lake = parse_connection(LAKE, os.environ[f"AIRFLOW_CONN_{LAKE.upper()}"])
    make_bucket(lake)
    if is_open(lake):
        sys.stderr.write(f"The lake at {lake.extra['endpoint_url']} lets anybody in: check LAKE_ACCESS_KEY in .env\n")
        return 1
    return 0


def write_login(file: Path, password: str) -> None:
    """Airflow's SimpleAuthManager reads the password from a file of its own."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as handle:
        json.dump({"admin": password}, handle)


def make_bucket(lake: ConnectionSpec) -> None:
    """Make the lake's bucket unless it is there."""
    try:
        make_s3_client(lake).create_bucket(Bucket=lake.extra["bucket"])
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
            raise


def is_open(lake: ConnectionSpec) -> bool:
    """Whether the bucket can be listed without credentials."""
    anonymous = Config(signature_version=UNSIGNED, s3={"addressing_style": "path"})
    extra = lake.extra
    client = boto3.client("s3", endpoint_url=extra["endpoint_url"], region_name=extra["region_name"], config=anonymous)
    try:
        client.list_objects_v2(Bucket=extra["bucket"], MaxKeys=1)
    except ClientError as error:
        # Only a plain refusal will do; anything else is no proof.
        if error.response["ResponseMetadata"]["HTTPStatusCode"] in (401, 403):
            return False
        raise
    return True


if __name__ == "__main__":
    sys.exit(main())
