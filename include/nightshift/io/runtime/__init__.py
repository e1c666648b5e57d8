"""Isolated processes, temporary files, code of users."""
