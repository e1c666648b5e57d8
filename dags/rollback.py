"""The Airflow DAG `NAME_rollback` of every pipeline: include/nightshift/dags/rollback.py."""

import nightshift_path

from nightshift.dags import make_dags

globals().update(make_dags("rollback"))
