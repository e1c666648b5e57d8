"""Metrics, their intervals, and what single columns contribute."""
