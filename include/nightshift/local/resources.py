"""Warehouse and lake as airflow_settings.yaml and the environment name them, for commands without a scheduler."""

from nightshift.config.airflow.connections import ADMIN, GetConnection
from nightshift.io.resources import Resources, open_resources
from nightshift.io.warehouse.engine import Warehouse, migrate_warehouse, open_warehouse
from nightshift.local.connections import make_get_connection
from nightshift.local.paths import find_paths


def open_local_resources(migrate: bool) -> Resources:
    """The io objects; `migrate` brings the warehouse's schema up to date first. The embedded PostgreSQL starts."""
    if migrate:
        migrate_local_warehouse()
    return open_resources(find_connections())


def migrate_local_warehouse() -> str:
    """Bring the warehouse's schema and roles up to date; what a superuser has to do for the roles, or nothing."""
    warehouse = open_warehouse_as(ADMIN)
    try:
        return migrate_warehouse(warehouse)
    finally:
        warehouse.engine.dispose()


def open_warehouse_as(role: str) -> Warehouse:
    """The warehouse by the connection nightshift_admin, nightshift_reader or nightshift_analyst.

    Where there is no such connection, the embedded server has the login; another server is asked as the tasks ask it.
    """
    return open_warehouse(find_connections()(role))


def find_connections() -> GetConnection:
    """Looks connections up in airflow_settings.yaml; AIRFLOW_CONN_ variables win."""
    return make_get_connection(find_paths())
