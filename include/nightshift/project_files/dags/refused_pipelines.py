"""Shows what is refused as an import error of this file in Airflow; it defines no DAG, so it stops none."""

from nightshift.dags.refused import raise_refused

raise_refused()
