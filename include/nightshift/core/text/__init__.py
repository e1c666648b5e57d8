"""Plain text formats."""
