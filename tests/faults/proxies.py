"""A proxy in front of PostgreSQL that loses a reply to COMMIT."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from nightshift.local.postgres import PORT, Server

WRITES = (b"INSERT", b"UPDATE", b"DELETE", b"COPY", b"CREATE", b"MERGE")
DRAW = b"nextval('ml.attempt_numbers')"
READY = ord("Z")
COMPLETE = ord("C")


@dataclass
class Losses:
    """Which COMMIT of something written loses its reply, counted from 1; 0 for none."""

    lose: int = 0
    commits: int = 0  # so many were seen
    lost: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self) -> bool:
        """Count one more; whether it is the one."""
        with self.lock:
            self.commits += 1
            self.lost += self.commits == self.lose
            return self.commits == self.lose


@dataclass
class Session:
    """One connection of a client."""

    client: socket.socket
    server: socket.socket
    losses: Losses
    wrote: bool = False
    losing: bool = False

    def pump_up(self) -> None:
        """From the client to the server. The driver sends COMMIT as a message of its own."""
        while data := receive(self.client):
            if data[:1] == b"Q" and data[5:11] == b"COMMIT":
                self.losing = self.wrote and self.losses.count()
                self.wrote = False
            self.server.sendall(data)
        shut(self.server)

    def pump_down(self) -> None:
        """From the server to the client, message by message; nothing more once the reply is to be lost."""
        rest = b""
        while data := receive(self.server):
            rest = self._look_at(rest + data)
            if self.losing:
                break
            with suppress(OSError):
                self.client.sendall(data)
        # While a reply is being lost the server must be through with its COMMIT: it answers only then.
        shut(self.client)
        shut(self.server)

    def _look_at(self, data: bytes) -> bytes:
        """Note what was written; return the beginning of a message that is not whole yet."""
        while len(data) >= 5 and len(data) > (size := struct.unpack("!I", data[1:5])[0]):
            self.wrote |= data[0] == COMPLETE and data[5:].startswith(WRITES) and b" 0\0" not in data[5 : size + 1]
            data = data[size + 1 :]
        return data


@contextmanager
def lose_commit_replies(server: Server, folder: Path) -> Iterator[tuple[Server, Losses]]:
    """A server at another socket that passes everything on, except the reply that `losses.lose` names."""
    losses = Losses()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / f".s.PGSQL.{PORT}"))
        listener.listen()
        threading.Thread(target=accept_all, args=(listener, server, losses), daemon=True).start()
        try:
            yield Server(str(folder)), losses
        finally:
            shut(listener)


def accept_all(listener: socket.socket, server: Server, losses: Losses) -> None:
    """Two threads for each connection, until the listener is closed."""
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            upstream = socket.socket(socket.AF_UNIX)
            upstream.connect(f"{server.socket_folder}/.s.PGSQL.{PORT}")
            session = Session(client, upstream, losses)
            for pump in (session.pump_up, session.pump_down):
                threading.Thread(target=pump, daemon=True).start()


def receive(connection: socket.socket) -> bytes:
    """Some bytes; none at the end or when it was cut."""
    try:
        return connection.recv(1 << 16)
    except OSError:
        return b""


def shut(connection: socket.socket) -> None:
    """End both directions, also for a thread that waits in it."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
