"""What Nightshift adds to Airflow: its pages and its timetable.

Every Airflow process loads this file, tasks too; the pages, and what they import, wait until the API server asks.
"""

from functools import cached_property
from typing import Any, ClassVar
from urllib.parse import quote, urlsplit

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

from nightshift.orchestration.timetables import DayBeforeTimetable, DayBeforeTimetableOf01

PREFIX = "/nightshift"
# A bright rim keeps the icon visible on the dark ground of the chosen entry: an image can't take the text's colour.
MOON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke-linejoin="round">'
    '<g stroke="{rim}" stroke-width="4">{path}</g><g stroke="{colour}" stroke-width="2">{path}</g></svg>'
)
PATH = '<path d="M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z"/>'


def make_address() -> str:
    """Where the pages are, also when Airflow itself is served below a path."""
    root: str = urlsplit(conf.get("api", "base_url", fallback="")).path
    return f"{root.rstrip('/')}{PREFIX}/"


def make_icon(colour: str, rim: str) -> str:
    """The icon of the navigation entry, as a data URI."""
    return "data:image/svg+xml," + quote(MOON.format(colour=colour, rim=rim, path=PATH))


class NightshiftPlugin(AirflowPlugin):
    """The entry *Nightshift* in the navigation, the pages behind it, and the timetable of ingest, train and drift.

    The scheduler refuses DAGs whose timetable no plugin registers.
    """

    name = "nightshift"
    timetables: ClassVar = [DayBeforeTimetable, DayBeforeTimetableOf01]
    external_views: ClassVar = [
        {
            "name": "Nightshift",
            "href": make_address(),
            "url_route": "nightshift",
            "destination": "nav",
            "nav_top_level": True,
            "icon": make_icon("#3f4f6b", "#ffffffcc"),
            "icon_dark_mode": make_icon("#d8dee9", "none"),
        }
    ]

    @cached_property
    def fastapi_apps(self) -> list[dict[str, Any]]:
        """The pages; importing what they need takes seconds, so only where somebody serves them."""
        from nightshift.ui.app import make_app

        return [{"app": make_app(), "url_prefix": PREFIX, "name": "Nightshift"}]
