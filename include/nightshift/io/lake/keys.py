"""Which keys a lake takes: one rule for all lakes, so that moving from a folder to S3 changes nothing."""

import re

from nightshift.errors import NightshiftError

SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.=+-]*")
MAX_KEY = 900  # S3 allows 1024 bytes for prefix and key together
MAX_SEGMENT = 255  # the longest file name


def check_key(key: str) -> str:
    """Return `key` if every lake can hold it and it can't leave the lake; NightshiftError otherwise."""
    segments = key.split("/")
    if len(key) > MAX_KEY or not all(SEGMENT.fullmatch(part) and len(part) <= MAX_SEGMENT for part in segments):
        raise NightshiftError(
            f"{key[:MAX_KEY]!r} can't be a key of the lake: it must be relative, its parts joined by '/', each made of "
            "letters, digits and _ . = + -, starting with a letter, digit or _"
        )
    return key
