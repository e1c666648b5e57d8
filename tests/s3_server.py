"""A real S3 server for the tests (plugin, see conftest.py): the one of NIGHTSHIFT_TEST_S3, or a Ceph RGW of our own."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import pytest

from nightshift.config.airflow.connections import LAKE, ConnectionSpec
from nightshift.io.lake.s3 import make_s3_client

STARTER = Path(__file__).parent / "tools" / "start_rgw.sh"
PROGRAMS = ("radosgw", "radosgw-admin", "ceph", "ceph-mon", "ceph-osd", "ceph-authtool", "monmaptool")
HOW_TO_GET = (
    "no S3 server to test with: set NIGHTSHIFT_TEST_S3=http://access:secret@host:port, or on Debian and Ubuntu "
    "apt-get install --no-install-recommends radosgw ceph-mon ceph-osd ceph-common"
)


@dataclass(frozen=True)
class S3Server:
    """Where it listens, and how to log in."""

    endpoint: str
    access_key: str
    secret_key: str = field(repr=False)
    own: bool = False

    def become_guest(self) -> "S3Server":
        """The same server for a user who has no rights but those that a bucket's policy gives to `user/guest`."""
        if not self.own:
            pytest.skip("needs a server on which the tests may make users; unset NIGHTSHIFT_TEST_S3")
        return replace(self, access_key="GUEST", secret_key="GUESTS-KEY")

    def make_connection(self, bucket: str = "", prefix: str = "", conn_id: str = LAKE) -> ConnectionSpec:
        """A connection of type aws to this server."""
        extra = {"endpoint_url": self.endpoint, "bucket": bucket, "prefix": prefix}
        return ConnectionSpec(conn_id, "aws", login=self.access_key, password=self.secret_key, extra=extra)

    def make_bucket(self) -> str:
        """A new, empty bucket."""
        bucket = f"nightshift-test-{uuid4().hex[:12]}"
        make_s3_client(self.make_connection()).create_bucket(Bucket=bucket)
        return bucket


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """An S3 server for the whole session; without one the test is left out and says why, and in CI it fails."""
    if address := os.environ.get("NIGHTSHIFT_TEST_S3"):
        yield parse_address(address)
    elif missing := [name for name in PROGRAMS if not shutil.which(name)]:
        leave_out = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        leave_out(f"{HOW_TO_GET} ({', '.join(missing)} not found)")
    else:
        with run_rgw() as server:
            yield server


@pytest.fixture
def make_bucket(s3_server: S3Server) -> Callable[[], str]:
    """Makes new buckets."""
    return s3_server.make_bucket


def parse_address(address: str) -> S3Server:
    """`http://access:secret@host:port` as a server."""
    parts = urlsplit(address)
    if not (parts.hostname and parts.username and parts.password):
        raise pytest.UsageError("NIGHTSHIFT_TEST_S3 must be http://access:secret@host:port")
    port = f":{parts.port}" if parts.port else ""
    return S3Server(f"{parts.scheme}://{parts.hostname}{port}", unquote(parts.username), unquote(parts.password))


@contextmanager
def run_rgw() -> Iterator[S3Server]:
    """Start a Ceph RGW on free ports, and end all its processes afterwards."""
    # A short path: Ceph's sockets live below it, and a socket's path has at most 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="ns-rgw-"))
    port, monitor = find_free_ports(2)
    try:
        with (folder / "starter.log").open("wb") as log:
            process = subprocess.Popen(
                [str(STARTER), str(folder / "rgw"), str(port), str(monitor)],
                stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True,
            )  # fmt: skip
        try:
            assert process.stdout is not None
            if process.stdout.readline().strip() != "ready":
                pytest.fail(f"Ceph RGW did not start:\n{(folder / 'starter.log').read_text()[-2000:]}")
            yield S3Server(f"http://127.0.0.1:{port}", "AK", "SK", own=True)
        finally:
            process.terminate()  # the starter ends the daemons before itself
            process.wait(timeout=30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def find_free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [item.getsockname()[1] for item in sockets]
    finally:
        for item in sockets:
            item.close()
