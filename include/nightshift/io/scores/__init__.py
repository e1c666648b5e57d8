"""The scored tables."""
