"""What the DAG tests share."""

from typing import Any

import pytest

import tests.airflow_home  # noqa: F401  # before anything of Airflow
from tests.dags.kit import PIPELINES, parse_dags


@pytest.fixture(scope="session")
def dag_bag() -> Any:
    """All DAG files, parsed."""
    return parse_dags()


@pytest.fixture(params=sorted(PIPELINES))
def pipeline(request: pytest.FixtureRequest) -> Any:
    """Each pipeline of the project."""
    return PIPELINES[request.param]
