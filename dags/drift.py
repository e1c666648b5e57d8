"""The Airflow DAG `NAME_drift` of every pipeline: include/nightshift/dags/drift.py."""

import nightshift_path

from nightshift.dags import make_dags

globals().update(make_dags("drift"))
