"""The one exception that users are meant to read."""


class NightshiftError(Exception):
    """Misconfiguration or a missing thing: the message names what, where, and the next thing to do."""


class DataUnavailable(NightshiftError):
    """The source has nothing for what was asked: no file, no folder, no rows."""


class TemporarilyUnavailable(NightshiftError):
    """A service does not answer: the same call may work in a while, so schedulers should retry it."""
