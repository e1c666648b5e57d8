"""Versions: promotion, rollback, explanation."""
