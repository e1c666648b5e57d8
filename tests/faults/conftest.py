"""The same real PostgreSQL and the same small pipeline as the integration tests."""

from tests.integration.conftest import champion_world, house_paths, migrated, server, trained

__all__ = ["champion_world", "house_paths", "migrated", "server", "trained"]
