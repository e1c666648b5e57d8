"""Model artifacts: skops files, addressed by their hash, opened only if hash, form and types are the expected ones."""

from nightshift.io.artifacts.refusal import UnusableArtifact
from nightshift.io.artifacts.store import load_model, read_model, store_model, write_model

__all__ = ["UnusableArtifact", "load_model", "read_model", "store_model", "write_model"]
