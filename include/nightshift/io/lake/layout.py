"""What Nightshift's own keys look like. What looks otherwise is not ours, and nobody tidies it up."""

import re
from dataclasses import dataclass
from datetime import datetime

from nightshift.io.lake.base import read_attempt_time

_ATTEMPT = r"(?P<attempt>\d{8}T\d{12}-[0-9a-f]{12})"
_PIPELINE = r"(?P<pipeline>[a-z][a-z0-9_]*)"
_PARTITION = r"(?P<partition>\d{4}-\d\d-\d\d)"
_PARTITIONED = "raw|late|valid|quarantine|features|samples|scores|training"
KINDS = (*_PARTITIONED.split("|"), "reports", "models", "cards")
_LAYOUTS = (
    rf"(?P<kind>{_PARTITIONED})/{_PIPELINE}/{_PARTITION}/{_ATTEMPT}\.parquet",
    rf"(?P<kind>reports)/{_PIPELINE}/{_PARTITION}/{_ATTEMPT}\.drift\.(?:html|json)",
    rf"(?P<kind>models)/{_PIPELINE}/[0-9a-f]{{64}}/{_ATTEMPT}\.skops",
    rf"(?P<kind>models)/{_PIPELINE}/(?:reference|golden)/{_ATTEMPT}\.parquet",
    rf"(?P<kind>cards)/{_PIPELINE}/\d+/{_ATTEMPT}/(?:model|data)\.(?:html|json)",
)
_KEYS = [re.compile(layout) for layout in _LAYOUTS]
_ENDS = [re.compile(rf"(?:^|/)({layout})$") for layout in _LAYOUTS]


@dataclass(frozen=True)
class Place:
    """What a key says: kind, pipeline, partition (ISO; empty for models and cards), and when its attempt began."""

    kind: str
    pipeline: str
    partition: str
    begun_at: datetime


def parse_key(key: str) -> Place | None:
    """What one of our keys says; None for any other."""
    for layout in _KEYS:
        if found := layout.fullmatch(key):
            named = found.groupdict()
            try:
                begun_at = read_attempt_time(named["attempt"])
            except ValueError:
                return None
            return Place(named["kind"], named["pipeline"], named.get("partition") or "", begun_at)
    return None


def find_key(uri: str) -> str | None:
    """The key that a recorded URI ends with, wherever the lake lay when it was recorded; None without one of ours."""
    for layout in _ENDS:
        if found := layout.search(uri):
            return found[1]
    return None
