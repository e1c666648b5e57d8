"""Nightshift's pages in the Airflow UI. Only the API server imports them."""
