"""Through a real Airflow scheduler."""
