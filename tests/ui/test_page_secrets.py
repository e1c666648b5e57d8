"""The pages where the warehouse can't be reached or refuses the login: they say so, without the password."""

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from nightshift.config.loading import load_pipelines
from tests.faults.leaks import find_leaks

pytestmark = pytest.mark.guarantee(22)
CANARY = "canary-7Kq/9x+Zt@:V\"3'f"
NAME = load_pipelines().usable[0].name
PAGES = (
    "/",
    "/api/status",
    f"/models/{NAME}",
    f"/quarantine/{NAME}",
    f"/cards/{NAME}/1/model",
    f"/cards/{NAME}/1/data/json",
)
REPLACED = (
    ("overview", "_read_pipelines"),
    ("models", "read_models"),
    ("models", "read_card"),
    ("quarantine", "read_quarantine"),
)
# Read before the fixtures of this folder put something else in their place.
REAL: dict[tuple[str, str], Any] = {}


@pytest.fixture(scope="module", autouse=True)
def real(server: FastAPI) -> None:
    """What asks the warehouse, as it is."""
    for module, name in REPLACED:
        REAL[module, name] = getattr(sys.modules[f"nightshift.ui.{module}"], name)


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("host", ["127.0.0.1", "nowhere.invalid"])
def test_a_page_without_its_warehouse_shows_no_secret(
    log_in: Callable[..., TestClient],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    path: str,
    host: str,
) -> None:
    caplog.set_level("INFO")
    for (module, name), function in REAL.items():
        monkeypatch.setattr(sys.modules[f"nightshift.ui.{module}"], name, function)
    warehouse = {"conn_type": "postgres", "host": host, "port": 9, "login": "x", "password": CANARY}
    lake = {"conn_type": "aws", "login": "key", "password": CANARY, "extra": {"bucket": "lake"}}
    for conn_id, connection in {"WAREHOUSE": warehouse, "LAKE": lake}.items():
        monkeypatch.setenv(f"AIRFLOW_CONN_NIGHTSHIFT_{conn_id}", json.dumps(connection))
    answer = log_in().get(f"/nightshift{path}")
    assert answer.status_code == 503
    assert "warehouse" in answer.text
    told = {"page": answer.content, "headers": str(answer.headers).encode(), "log": caplog.text.encode()}
    assert find_leaks({CANARY}, told) == []
