"""Nightshift: a nightly batch-ML pipeline on Apache Airflow. docs/tour.md walks through the rooms."""
