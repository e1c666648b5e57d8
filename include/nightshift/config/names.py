"""Names that end up as SQL identifiers, file names or DAG ids, and their nearest valid neighbours."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

# Matched in full: `$` would let a line break follow.
IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,62}")
# A pipeline's name is also the stem of its table partitions (NAME_2026_11) and of NAME_latest.
PIPELINE_NAME = re.compile(r"[a-z][a-z0-9_]{0,47}")
# A version is an integer of PostgreSQL.
MAX_VERSIONS = 2**31 - 1
RESERVED_SUFFIX = re.compile(r"(_latest|_\d{4}_\d{2})$")


def check_identifier(value: str) -> str:
    """Return `value` if it may name a column or table; ValueError otherwise."""
    if not IDENTIFIER.fullmatch(value):
        raise ValueError("must be lower case letters, digits and _, start with a letter or _, at most 63 characters")
    return value


def check_pipeline_name(value: str) -> str:
    """Return `value` if it may name a pipeline; ValueError otherwise."""
    if not PIPELINE_NAME.fullmatch(value) or RESERVED_SUFFIX.search(value):
        raise ValueError(
            "must be lower case letters, digits and _, start with a letter, have at most 48 characters "
            "and not end in _latest or _YYYY_MM (those name the tables made from it)"
        )
    return value


def check_line(value: str) -> str:
    """Return `value` if it is one line that says something; ValueError otherwise."""
    if not value.strip() or len(value.splitlines()) > 1:
        raise ValueError("must be one line of text, and not blank")
    return value


def suggest_name(wrong: str, valid: Iterable[str]) -> str | None:
    """Return the valid name nearest to `wrong`, or None where none is near."""
    matches = get_close_matches(wrong, list(valid), n=1, cutoff=0.6)
    return matches[0] if matches else None


Identifier = Annotated[str, AfterValidator(check_identifier)]
Line = Annotated[str, AfterValidator(check_line)]
ColumnName = Annotated[str, StringConstraints(min_length=1, max_length=200)]
