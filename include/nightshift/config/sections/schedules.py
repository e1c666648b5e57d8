"""The section `schedules` of pipeline.yaml."""

import re
from functools import lru_cache
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import CroniterError, croniter
from pydantic import AfterValidator, Field

from nightshift.config.model import Model

# croniter takes R and H for another time at every reading.
RANDOM = re.compile(r"(?:^|[\s,])[RrHh](?:$|[\s,/(])")


# Hundreds of pipelines have few schedules between them, and each is spelled out four times here.
@lru_cache(maxsize=1024)
def check_cron(value: str) -> str:
    """Return `value` if it is a cron expression of five fields; ValueError otherwise."""
    if len(value.split()) != 5 or RANDOM.search(value) or not croniter.is_valid(value):
        raise ValueError("must be a cron expression of five fields, as in '0 2 * * *'")
    try:
        croniter(value).get_next()
    except CroniterError:
        raise ValueError("names no time that ever comes") from None
    return value


Cron = Annotated[str, AfterValidator(check_cron)]


def check_timezone(value: str) -> str:
    """Return `value` if it names a time zone; ValueError otherwise."""
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"no time zone is called {value[:80]!r}") from None
    return value


TimeZone = Annotated[str, AfterValidator(check_timezone)]


class Schedules(Model):
    """Cron expressions, read in `timezone`."""

    ingest: Cron = "0 2 * * *"
    drift: Cron = "0 5 * * *"
    train: Cron | None = Field(None, description="A training on its own, slower schedule; by hand or drift otherwise.")
    timezone: TimeZone = "UTC"
