"""The alert channels that ship: Airflow's own notifiers."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from nightshift.config.airflow.connections import ConnectionSpec
from nightshift.core.alerts.messages import Message, make_payload, write_html, write_slack
from nightshift.errors import NightshiftError
from nightshift.extension.alert_channels import ALERT_CHANNELS, AlertChannel

SECONDS = 10


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


def _notify_with(make: Callable[[ConnectionSpec, Message], Any]) -> Callable[[ConnectionSpec, Message], None]:
    # notify() itself: calling a notifier renders what the data say as a template, and swallows its errors.
    return lambda connection, message: make(connection, message).notify({})


ALERT_CHANNELS.register(AlertChannel("http", _notify_with(_make_webhook)))
ALERT_CHANNELS.register(AlertChannel("slackwebhook", _notify_with(_make_slack)))
ALERT_CHANNELS.register(AlertChannel("smtp", _notify_with(_make_mail)))
