"""The Airflow DAG `NAME_train` of every pipeline: include/nightshift/dags/train.py."""

import nightshift_path

from nightshift.dags import make_dags

globals().update(make_dags("train"))
