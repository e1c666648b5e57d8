"""What all tests share."""

import os
from pathlib import Path

import pytest

INCLUDE = str(Path(__file__).resolve().parents[1] / "include")

# Before any library reads them: no telemetry, and no threads that wait by spinning.
os.environ.update(
    GX_ANALYTICS_ENABLED="false",
    DO_NOT_TRACK="1",
    AIRFLOW__USAGE_DATA_COLLECTION__ENABLED="False",
    OMP_WAIT_POLICY="PASSIVE",
    OPENBLAS_NUM_THREADS="1",
)

# Processes that tests start find the engine as pytest does.
os.environ["PYTHONPATH"] = os.pathsep.join([INCLUDE, *filter(None, [os.environ.get("PYTHONPATH")])])

pytest_plugins = ["tests.s3_server", "tests.guarantees"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """`make faults` asks for everything; `make test` for the short form."""
    parser.addoption("--thorough", action="store_true", help="also the long runs of the fault tests")
    parser.addoption("--guarantees", action="store_true", help="only tests that prove a guarantee; sums them up")
    parser.addoption("--proof", metavar="FILE", help="write the sums there, for tests/faults/run_all.py")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what nobody asked for; it is no test of this run, so it is not skipped but deselected."""
    wanted = [item for item in items if _is_wanted(config, item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in wanted])
    items[:] = wanted


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """No bytes in a test's name: gzip's hold the second at which they were packed, and every worker packs its own."""
    return argname if isinstance(val, bytes) else None


def _is_wanted(config: pytest.Config, item: pytest.Item) -> bool:
    if item.get_closest_marker("thorough") and not config.getoption("--thorough"):
        return False
    return not config.getoption("--guarantees") or item.get_closest_marker("guarantee") is not None
