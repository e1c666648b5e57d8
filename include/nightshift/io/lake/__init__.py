"""Immutable objects in a folder or in S3."""
