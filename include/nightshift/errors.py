"""The one exception that users are meant to read."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

log = logging.getLogger(__name__)


class NightshiftError(Exception):
    """Misconfiguration or a missing thing: the message names what, where, and the next thing to do."""


class DataUnavailable(NightshiftError):
    """The source has nothing for what was asked: no file, no folder, no rows."""


class TemporarilyUnavailable(NightshiftError):
    """A service does not answer: the same call may work in a while, so schedulers should retry it."""


@contextmanager
def explain_unexpected(what: str) -> Iterator[None]:
    """What nobody thought of as one sentence that begins with `what`; its traceback goes to the debug log.

    What a disk, a network or a lack of memory raises stays as it is: the same call may work in a while.
    """
    try:
        yield
    except (NightshiftError, OSError, MemoryError):
        raise
    except Exception as error:
        log.debug("%s", what, exc_info=True)
        raise NightshiftError(f"{what}: {describe_error(error)}") from error


def describe_error(error: BaseException) -> str:
    """An exception's kind and words on one line."""
    words = " ".join(str(error).split())[:500]
    return f"{type(error).__name__}: {words}" if words else type(error).__name__
