"""All Airflow DAGs of all pipelines: six per pipeline, and nightshift_maintenance."""

from nightshift.dags import make_dags

globals().update(make_dags())
