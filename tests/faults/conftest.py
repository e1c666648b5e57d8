"""The same real PostgreSQL and the same small pipeline as the integration tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from nightshift.local.postgres import Server
from tests.faults.chain import Chain, prepare
from tests.integration.conftest import (
    champion_world,
    copy_trained,
    database,
    house_paths,
    migrated,
    server,
    trained,
    world,
)

__all__ = ["champion_world", "database", "house_paths", "migrated", "server", "trained", "world"]


@pytest.fixture(scope="session")
def chain(server: Server, trained: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """All steps, walked through as far as a test needs them."""
    with copy_trained(server, trained, tmp_path_factory.mktemp("chain")) as world:
        chain = Chain(prepare(world), server)
        yield chain
        chain.remove()
