"""The local stack: embedded PostgreSQL and Airflow's processes, all state under .nightshift/. Knows no pipeline."""
