"""Warehouse and lake as airflow_settings.yaml and the environment name them, for commands without a scheduler."""

from include.config.connections import GetConnection
from include.io.resources import Resources, open_resources
from include.io.warehouse import migrate_warehouse
from include.local.connections import make_get_connection
from include.local.paths import find_paths


def open_house(migrate: bool) -> Resources:
    """The io objects; `migrate` brings the warehouse's schema up to date first. The embedded PostgreSQL starts."""
    resources = open_resources(find_connections())
    if migrate:
        migrate_warehouse(resources.warehouse)
    return resources


def find_connections() -> GetConnection:
    """Looks connections up in airflow_settings.yaml; AIRFLOW_CONN_ variables win."""
    return make_get_connection(find_paths())
