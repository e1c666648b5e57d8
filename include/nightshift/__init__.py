"""Nightshift: nightly batch machine learning on Apache Airflow; docs/explanation/architecture.md says where what is."""

__version__ = "0.2.0"
