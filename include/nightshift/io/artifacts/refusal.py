"""Why an artifact is not opened."""

from nightshift.errors import NightshiftError


class UnusableArtifact(NightshiftError):
    """An artifact that must not or cannot be loaded."""


class Refused(Exception):
    """The reason alone; whoever knows the artifact's address makes an UnusableArtifact of it."""
