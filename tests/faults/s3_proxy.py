"""An HTTP proxy in front of an S3 server: it refuses, stalls, cuts bodies both ways, loses replies, turns bytes."""

import http.client
import random
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from nightshift.config.airflow.connections import ConnectionSpec
from tests.s3_server import S3Server

SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"
STALL = 0.6  # seconds, longer than the client waits
READ_TIMEOUT = 0.4
HOP = ("connection", "transfer-encoding", "content-length", "expect")
# In the middle of what comes, of what goes, with a reset or a polite end; `lost reply`: done, and never told.
FAULTS = ("slow down", "stall", "reset request", "reset answer", "cut answer", "lost reply")


@dataclass
class Plan:
    """Which share of the requests is disturbed, by what; the same seed gives the same choices."""

    seed: int
    faults: tuple[str, ...] = FAULTS
    share: float = 0.0
    injected: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    def choose(self) -> str:
        """The fault of the next request; empty for none."""
        with self.lock:
            hit, fault = self.random.random() < self.share, self.random.choice(self.faults)
            self.injected += hit
            return fault if hit else ""


class FaultyHandler(BaseHTTPRequestHandler):
    """One request: read, disturbed or passed on, answered."""

    protocol_version = "HTTP/1.1"
    server: Any

    def handle_one_request(self) -> None:
        with suppress(OSError):
            super().handle_one_request()

    def log_message(self, *_: Any) -> None:
        """Silent."""

    def do_all(self) -> None:
        fault = self.server.plan.choose()
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length // 2 if fault == "reset request" else length)
        if fault == "stall":
            time.sleep(STALL)
        if fault == "slow down":
            self.answer(503, "Slow Down", {}, SLOW_DOWN)
        elif fault in ("reset request", "stall"):
            self.reset()
        else:
            answer = self.pass_on(body)
            if fault == "lost reply":
                self.reset()
            else:
                self.answer(*answer, fault)

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = do_all

    def pass_on(self, body: bytes) -> tuple[int, str, dict[str, str], bytes]:
        """What the real server says. The host stays as it is: it is part of the signature."""
        connection = http.client.HTTPConnection(self.server.upstream, timeout=30)
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in HOP:
                connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        headers = {name: value for name, value in answer.getheaders() if name.lower() not in HOP}
        if self.command == "HEAD" and "Content-Length" in answer.headers:
            headers["Content-Length"] = answer.headers["Content-Length"]
        return answer.status, answer.reason, headers, content

    def answer(self, status: int, reason: str, headers: dict[str, str], content: bytes, fault: str = "") -> None:
        """All of it, or half of what was promised, or all with one bit turned."""
        cuts = {"reset answer": self.reset, "cut answer": self.cut}
        if fault in cuts and (self.command == "HEAD" or not content):
            self.wfile.write(b"HTTP/1.1 2")
            cuts[fault]()
            return
        self.send_response_only(status, reason)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if fault == "turned bit" and self.command == "GET" and content:
            middle = len(content) // 2
            content = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        if fault in cuts:
            self.wfile.write(content[: len(content) // 2])
            cuts[fault]()
        elif self.command != "HEAD":
            self.wfile.write(content)

    def reset(self) -> None:
        """RST: without lingering, what is on its way is thrown away."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.cut()

    def cut(self) -> None:
        """Close the connection after what was sent."""
        self.close_connection = True


@contextmanager
def run_proxy(server: S3Server, seed: int) -> Iterator[tuple[S3Server, Plan]]:
    """The same server under another address; nothing is disturbed before the plan says so."""
    plan = Plan(seed)
    with ThreadingHTTPServer(("127.0.0.1", 0), FaultyHandler) as proxy:
        proxy.plan, proxy.upstream = plan, urlsplit(server.endpoint).netloc  # type: ignore[attr-defined]
        thread = threading.Thread(target=proxy.serve_forever, daemon=True)
        thread.start()
        try:
            yield replace(server, endpoint=f"http://127.0.0.1:{proxy.server_port}"), plan
        finally:
            proxy.shutdown()
            thread.join()


def connect_impatiently(server: S3Server, bucket: str) -> ConnectionSpec:
    """A connection that does not wait for a stalled server."""
    connection = server.make_connection(bucket)
    return replace(connection, extra={**connection.extra, "read_timeout": READ_TIMEOUT})
