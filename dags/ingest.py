"""The Airflow DAG `NAME_ingest` of every pipeline: include/nightshift/dags/ingest.py."""

import nightshift_path

from nightshift.dags import make_dags

globals().update(make_dags("ingest"))
