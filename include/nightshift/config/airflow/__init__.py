"""Airflow's settings file and connections."""
