"""Airflow's connections as Nightshift's own, in tasks and in the API server alike."""

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowNotFoundException

from nightshift.config.airflow.connections import ConnectionSpec
from nightshift.config.project import COMMAND
from nightshift.errors import TemporarilyUnavailable


def read_connection(conn_id: str) -> ConnectionSpec:
    """The connection called `conn_id`; a GetConnection for `nightshift.io.resources.open_resources`."""
    try:
        return to_spec(Connection.get(conn_id))
    except AirflowNotFoundException:
        # Airflow says the same when it can't be asked right now, so this must be worth a retry.
        raise TemporarilyUnavailable(
            f"Airflow has no connection {conn_id!r} (or could not be asked for it). Add it to airflow_settings.yaml "
            f"and load that with: {COMMAND} up"
        ) from None


def to_spec(connection: Connection) -> ConnectionSpec:
    """The same connection without Airflow."""
    return ConnectionSpec(
        conn_id=connection.conn_id,
        conn_type=connection.conn_type or "",
        host=connection.host,
        login=connection.login,
        password=connection.password,
        port=connection.port,
        schema=connection.schema,
        extra=connection.extra_dejson,
    )
