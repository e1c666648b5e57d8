"""The connections of airflow_settings.yaml as they are on this machine, for Airflow and for commands without it."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from nightshift.config.airflow.connections import ADMIN, ANALYST, READER, WAREHOUSE, ConnectionSpec, GetConnection
from nightshift.config.airflow.settings import EMBEDDED, Settings, load_settings, override_from_environment
from nightshift.config.names import suggest_name
from nightshift.errors import NightshiftError
from nightshift.local.paths import Paths
from nightshift.local.postgres import DATABASES, PORT, Server, start_postgres
from nightshift.local.postgres_files import SUPERUSER
from nightshift.local.rest import AirflowClient

STATE_FOLDER = ".nightshift"
# Who logs in to the embedded server: the tasks, and those who are more or less than they.
WRITER = "nightshift_writer"
EMBEDDED_LOGINS = {ADMIN: SUPERUSER, READER: READER, ANALYST: ANALYST}


def make_get_connection(paths: Paths) -> GetConnection:
    """How commands find connections without Airflow. The embedded PostgreSQL starts when somebody asks for it."""
    settings = override_from_environment(load_settings(paths.settings), os.environ)

    def get_connection(conn_id: str) -> ConnectionSpec:
        if conn_id in EMBEDDED_LOGINS and conn_id not in settings.connections:
            return get_connection_as(conn_id)
        if conn_id not in settings.connections:
            near = suggest_name(conn_id, settings.connections)
            hint = f"did you mean {near!r}?" if near else f"there are: {', '.join(sorted(settings.connections))}"
            raise NightshiftError(f"{paths.settings.name} has no connection {conn_id!r}; {hint}")
        spec = settings.connections[conn_id]
        return resolve_connection(paths, spec, start_postgres(paths) if is_embedded(spec) else None)

    def get_connection_as(role: str) -> ConnectionSpec:
        # A server of one's own may have one login for everything.
        spec = get_connection(WAREHOUSE)
        embedded = is_embedded(settings.connections[WAREHOUSE])
        return replace(spec, conn_id=role, login=EMBEDDED_LOGINS[role]) if embedded else spec

    return get_connection


def is_embedded(spec: ConnectionSpec) -> bool:
    """Whether the connection means the PostgreSQL that Nightshift starts."""
    return spec.conn_type == "postgres" and spec.host == EMBEDDED


def resolve_connection(paths: Paths, spec: ConnectionSpec, server: Server | None) -> ConnectionSpec:
    """`embedded` becomes the server's socket, and the relative path of a folder an absolute one."""
    if is_embedded(spec) and server:
        schema = spec.schema or DATABASES[-1]
        return replace(spec, host=server.socket_folder, port=PORT, login=spec.login or WRITER, schema=schema)
    if spec.conn_type == "fs" and isinstance(path := spec.extra.get("path"), str):
        return replace(spec, extra={**spec.extra, "path": str(_resolve_path(paths, path))})
    return spec


def _resolve_path(paths: Paths, text: str) -> Path:
    path = Path(text).expanduser()
    # The state folder may have been moved by NIGHTSHIFT_HOME, and the lake in it moves along.
    if path.parts[:1] == (STATE_FOLDER,):
        return paths.home.joinpath(*path.parts[1:])
    return paths.root / path


def load_into_airflow(paths: Paths, settings: Settings, server: Server, client: AirflowClient) -> None:
    """Make Airflow's connections, pools and variables those of the file; what the file doesn't name stays."""
    # Tasks can read every connection that Airflow has, so the one that may change history stays out.
    shared = [spec for spec in settings.connections.values() if spec.conn_id != ADMIN]
    connections = [resolve_connection(paths, spec, server) for spec in shared]
    # Overwriting with no password keeps the old one, so a connection that lost its password is made anew.
    without = {spec.conn_id for spec in connections if not spec.password}
    held = {found["connection_id"] for found in client.list_connections() if found["password"]}
    client.remove("connections", sorted(without & held))
    client.store("connections", [_to_entity(spec) for spec in connections])
    client.store("pools", [{"name": name, "slots": slots, "description": text} for name, slots, text in settings.pools])
    client.store("variables", [{"key": name, "value": value} for name, value in settings.variables.items()])


def _to_entity(spec: ConnectionSpec) -> dict[str, Any]:
    return {
        "connection_id": spec.conn_id,
        "conn_type": spec.conn_type,
        "host": spec.host,
        "schema": spec.schema,
        "login": spec.login,
        "password": spec.password,
        "port": spec.port,
        "extra": json.dumps(spec.extra),
    }
