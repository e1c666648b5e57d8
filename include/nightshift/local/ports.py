"""Free TCP ports on this machine."""

import socket

from nightshift.config.project import COMMAND
from nightshift.errors import NightshiftError

LOOPBACK = "127.0.0.1"
TRIES = 50


def is_port_free(port: int) -> bool:
    """Whether nobody listens on the port, neither on loopback nor on all addresses."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        if probe.connect_ex((LOOPBACK, port)) == 0:
            return False
    with socket.socket() as probe:
        # A port that was in use a minute ago counts as free: the server that takes it sets the same option.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def find_free_port(preferred: int) -> int:
    """`preferred`, or the next port above it that is free."""
    if not 1024 <= preferred <= 65535:
        raise NightshiftError(f"{preferred} is no port for a server of yours; choose one from 1024 to 65535")
    for port in range(preferred, min(preferred + TRIES, 65536)):
        if is_port_free(port):
            return port
    raise NightshiftError(
        f"The ports {preferred} to {preferred + TRIES - 1} of {LOOPBACK} are all taken. "
        f"Name another: NIGHTSHIFT_PORT=9090 {COMMAND} up"
    )
