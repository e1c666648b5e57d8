"""Ports that are taken are replaced by free ones."""

import socket
from collections.abc import Iterator

import pytest

from nightshift.errors import NightshiftError
from nightshift.local.ports import LOOPBACK, find_free_port, is_port_free


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket() as server:
        server.bind((LOOPBACK, 0))
        server.listen()
        yield server


def test_a_port_that_somebody_listens_on_is_taken(listener: socket.socket) -> None:
    assert not is_port_free(listener.getsockname()[1])


def test_a_port_that_is_bound_on_all_addresses_is_taken() -> None:
    with socket.socket() as server:
        server.bind(("0.0.0.0", 0))
        server.listen()
        assert not is_port_free(server.getsockname()[1])


def test_the_preferred_port_is_kept_where_it_is_free(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    listener.close()
    assert find_free_port(port) == port


def test_a_taken_port_is_replaced_by_a_free_one_above_it(listener: socket.socket) -> None:
    taken = listener.getsockname()[1]
    found = find_free_port(taken)
    assert found > taken
    assert is_port_free(found)


@pytest.mark.parametrize("port", [0, 80, 65536])
def test_a_port_that_a_user_cannot_serve_is_refused(port: int) -> None:
    with pytest.raises(NightshiftError, match=str(port)):
        find_free_port(port)
