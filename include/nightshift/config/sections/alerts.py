"""The section `alerts` of pipeline.yaml: what is told, and through which connections."""

from pydantic import Field

from nightshift.config.model import Model
from nightshift.config.names import Identifier


class Alerts(Model):
    """Who hears of what happened. Every alert is kept in monitoring.alerts, also where nobody is told."""

    connections: tuple[Identifier, ...] = Field(
        (), description="Told through these connections; their type says how: http, slackwebhook or smtp."
    )
    champion_days: int = Field(
        90, ge=1, description="Stale: a champion whose last day of training is further back than this."
    )
    night_hours: float = Field(
        6.0, gt=0, le=240, description="Missed: a night whose scores are not there so long after its ingest was due."
    )
