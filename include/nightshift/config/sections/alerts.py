"""The section `alerts` of pipeline.yaml: when to notify, and through which connections."""

from pydantic import Field

from nightshift.config.model import Model
from nightshift.config.names import Identifier


class Alerts(Model):
    """Who is notified. Every alert is kept in monitoring.alerts, even where no one is."""

    connections: tuple[Identifier, ...] = Field(
        (), description="Connections that notifications go through; their type says how: http, slackwebhook or smtp."
    )
    stale_after_days: int = Field(
        90, ge=1, description="Days after the last day of its training on which a champion counts as stale."
    )
    missed_after_hours: float = Field(
        6.0,
        gt=0,
        le=240,
        description="Hours after a partition's ingest was due on which it counts as missed if it has no scores.",
    )
