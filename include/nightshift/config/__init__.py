"""Frozen, strict configuration: YAML -> PipelineConfig and Settings. Knows no I/O but reading its own files."""
