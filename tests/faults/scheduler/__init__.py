"""Faults through a real Airflow scheduler: kills, pauses, restarts, chaos."""
