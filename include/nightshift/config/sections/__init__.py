"""The sections of pipeline.yaml, one model a file."""
