"""Messages through Airflow's notifiers; the type of a connection says which one."""

import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from nightshift.config.airflow.connections import ConnectionSpec
from nightshift.core.alerts.messages import Message, make_payload, write_html, write_slack
from nightshift.errors import NightshiftError
from nightshift.orchestration.connections import read_connection

SECONDS = 10
# The code of HTTP or SMTP that an answer begins with. Anything else in it may hold an address that is a secret.
CODE = re.compile(r"^\(?([1-5]\d\d)\b|Status Code: (\d{3})")


def make_senders(conn_ids: Iterable[str]) -> dict[str, Callable[[Message], None]]:
    """What tells a message through each connection; a connection that is missing fails when it is used."""
    return {conn_id: make_sender(conn_id) for conn_id in conn_ids}


def make_sender(conn_id: str) -> Callable[[Message], None]:
    """Tell through one connection."""

    def send(message: Message) -> None:
        # notify() itself: calling a notifier renders what the data say as a template, and swallows its errors.
        make_notifier(read_connection(conn_id), message).notify({})

    return send


def make_notifier(connection: ConnectionSpec, message: Message) -> Any:
    """Airflow's notifier for the connection, with the message in it; NightshiftError where its type has none."""
    make = NOTIFIERS.get(connection.conn_type)
    if make is None:
        raise NightshiftError(
            f"alerts.connections: {connection.conn_id!r} has conn_type {connection.conn_type!r}, which tells nobody; "
            f"there are: {', '.join(NOTIFIERS)}"
        )
    return make(connection, message)


def explain_failure(error: Exception) -> str:
    """Why it could not be told, without what the error quotes: a webhook's address is a secret."""
    if isinstance(error, NightshiftError):
        return str(error)
    code = CODE.search(str(error))
    return " ".join([type(error).__name__, *filter(None, code.groups() if code else ())])


def _make_webhook(connection: ConnectionSpec, message: Message) -> Any:
    from airflow.providers.http.notifications.http import HttpNotifier
    from airflow.sdk.log import mask_secret

    # Whoever knows a webhook's path can use it, and the hook logs it when the server can't be reached.
    path = urlsplit(connection.host or "").path
    if len(path) > 1:
        mask_secret(path)
    options = {"timeout": connection.extra.get("timeout", SECONDS)}
    return HttpNotifier(http_conn_id=connection.conn_id, json=make_payload(message), extra_options=options)


def _make_slack(connection: ConnectionSpec, message: Message) -> Any:
    from airflow.providers.slack.notifications.slack_webhook import SlackWebhookNotifier

    seconds = int(connection.extra.get("timeout", SECONDS))
    return SlackWebhookNotifier(
        slack_webhook_conn_id=connection.conn_id,
        text=write_slack(message),
        unfurl_links=False,
        unfurl_media=False,
        timeout=seconds,
    )


def _make_mail(connection: ConnectionSpec, message: Message) -> Any:
    from airflow.providers.smtp.notifications.smtp import SmtpNotifier

    lacking = [name for name in ("to", "from_email") if not connection.extra.get(name)]
    if lacking:
        raise NightshiftError(f"Connection {connection.conn_id!r} needs {' and '.join(lacking)} in its extra.")
    return SmtpNotifier(
        smtp_conn_id=connection.conn_id,
        from_email=connection.extra["from_email"],
        to=connection.extra["to"],
        subject=message.title,
        html_content=write_html(message),
        auth_type=connection.extra.get("auth_type", "basic"),
    )


NOTIFIERS: dict[str, Callable[[ConnectionSpec, Message], Any]] = {
    "http": _make_webhook,
    "slackwebhook": _make_slack,
    "smtp": _make_mail,
}
