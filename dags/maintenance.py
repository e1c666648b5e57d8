"""The Airflow DAG `nightshift_maintenance`: include/nightshift/dags/maintenance.py."""

import nightshift_path

from nightshift.dags import make_dags

globals().update(make_dags("maintenance"))
