"""The record of an alert channel. Those that ship are registered in orchestration/channels.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nightshift.extension.registry import Registry


@dataclass(frozen=True)
class AlertChannel:
    """A way to send a message; `name` is the `conn_type` of the Airflow connections that use it.

    `send(connection, message)`: a `nightshift.config.airflow.connections.ConnectionSpec` and a
    `nightshift.core.alerts.messages.Message`. Of what it raises only the class is kept with the alert, since the text
    may hold an address that is a secret; of a NightshiftError the text. The alert is sent again later.
    """

    name: str
    send: Callable[[Any, Any], None]


ALERT_CHANNELS: Registry[AlertChannel] = Registry("alert channel", "nightshift.orchestration.channels")
