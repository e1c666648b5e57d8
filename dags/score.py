"""The Airflow DAG `NAME_score` of every pipeline: include/nightshift/dags/score.py."""

import nightshift_path

from nightshift.dags import make_dags

globals().update(make_dags("score"))
