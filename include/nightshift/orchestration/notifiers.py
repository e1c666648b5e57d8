"""Messages through connections; the type of a connection says by which channel."""

import re
from collections.abc import Callable, Iterable

from nightshift.config.airflow.connections import ConnectionSpec
from nightshift.core.alerts.messages import Message
from nightshift.errors import NightshiftError
from nightshift.extension.alert_channels import ALERT_CHANNELS, AlertChannel
from nightshift.orchestration.connections import read_connection

# The code of HTTP or SMTP that an answer begins with. Anything else in it may hold an address that is a secret.
CODE = re.compile(r"^\(?([1-5]\d\d)\b|Status Code: (\d{3})")


def make_senders(conn_ids: Iterable[str]) -> dict[str, Callable[[Message], None]]:
    """What tells a message through each connection; a connection that is missing fails when it is used."""
    return {conn_id: make_sender(conn_id) for conn_id in conn_ids}


def make_sender(conn_id: str) -> Callable[[Message], None]:
    """Tell through one connection."""

    def send(message: Message) -> None:
        connection = read_connection(conn_id)
        find_channel(connection).send(connection, message)

    return send


def find_channel(connection: ConnectionSpec) -> AlertChannel:
    """The channel for the connection's type; NightshiftError where there is none."""
    if connection.conn_type not in ALERT_CHANNELS:
        raise NightshiftError(
            f"alerts.connections: {connection.conn_id!r} has conn_type {connection.conn_type!r}, which has no alert "
            f"channel; there are: {', '.join(ALERT_CHANNELS.list_names())}"
        )
    return ALERT_CHANNELS.find(connection.conn_type)


def explain_failure(error: Exception) -> str:
    """Why it could not be told, without what the error quotes: a webhook's address is a secret."""
    if isinstance(error, NightshiftError):
        return str(error)
    code = CODE.search(str(error))
    return " ".join([type(error).__name__, *filter(None, code.groups() if code else ())])
