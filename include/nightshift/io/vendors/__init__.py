"""Great Expectations, Evidently and Airflow's own database, one a file."""
