"""The outside world: one vendor per file. Knows nothing of Airflow and nothing of which step comes next."""
