"""What the operating system refuses: a full disk passes once somebody makes room, a missing permission does not."""

import errno
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nightshift.errors import NightshiftError, TemporarilyUnavailable

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# A network's file system that stumbles, and a machine that has too much to do.
PASSING = (
    errno.EIO,
    errno.ESTALE,
    errno.ETIMEDOUT,
    errno.EAGAIN,
    errno.EBUSY,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOMEM,
)


def explain_os_error(what: str, error: OSError) -> NightshiftError:
    """One sentence, with the next thing to do; TemporarilyUnavailable where the same call may work in a while."""
    reason = error.strerror or str(error)
    if error.errno in FULL:
        advice = "Free space there, then run this again: nothing is lost or doubled by that."
        return TemporarilyUnavailable(f"{what}: {reason}. {advice}")
    return (TemporarilyUnavailable if error.errno in PASSING else NightshiftError)(f"{what}: {reason}")


@contextmanager
def open_temporary_folder() -> Iterator[Path]:
    """A folder that is gone afterwards; TemporarilyUnavailable, naming it, where its disk is full."""
    place = tempfile.gettempdir()
    try:
        with tempfile.TemporaryDirectory(prefix="nightshift-", dir=place) as name:
            yield Path(name)
    except OSError as error:
        # Whoever writes elsewhere inside of the block explains its own errors; what is left was written here.
        if error.errno not in FULL:
            raise
        raise explain_os_error(f"Can't write to the folder for temporary files ({place}, see TMPDIR)", error) from error
