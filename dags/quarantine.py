"""The Airflow DAG `NAME_quarantine` of every pipeline: include/nightshift/dags/quarantine.py."""

import nightshift_path

from nightshift.dags import make_dags

globals().update(make_dags("quarantine"))
