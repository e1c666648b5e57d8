"""How a day or a moment is written: in partition keys, in forms and on the command line."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

# Days further out are typing errors, and no arithmetic holds for the first and last ones that Python knows.
EARLIEST, LATEST = date(1800, 1, 1), date(2200, 12, 31)


class FarDay(ValueError):
    """A day so far out that it is a typing error."""


def parse_day(text: str) -> date:
    """The day that `text` names; ValueError unless it is written as 2026-11-20: a second spelling is one too many.

    FarDay where it is a day outside EARLIEST to LATEST.
    """
    found = date.fromisoformat(text)
    if not EARLIEST <= found <= LATEST:
        raise FarDay(f"{text!r} is not between {EARLIEST} and {LATEST}")
    if found.isoformat() != text:
        raise ValueError(f"{text!r} is not written as {found.isoformat()}")
    return found


def list_days(first: date, last: date) -> list[date]:
    """Every day, both ends included; none where `last` lies before `first`."""
    return [first + timedelta(days=offset) for offset in range((last - first).days + 1)]


def parse_moment(text: str, timezone: str) -> datetime:
    """The moment that `text` names: the last one of a day, or a time as 2026-11-20T08:30 or 2026-11-20T08:30:00+01:00.

    What names no zone is read in `timezone`. ValueError where it is neither.
    """
    zone = ZoneInfo(timezone)
    try:
        return datetime.combine(parse_day(text), time.max, zone)
    except ValueError:
        found = datetime.fromisoformat(text)
    if len(text) <= len("2026-11-20"):
        raise ValueError(f"{text!r} is neither a day nor a time")
    return found if found.tzinfo else found.replace(tzinfo=zone)
