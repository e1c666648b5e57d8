"""The tasks, one per file: read -> core -> write. Idempotent per partition, and callable without Airflow."""
