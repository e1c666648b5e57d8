"""Airflow's API server with Nightshift's plugin in it, without a warehouse."""

import sys
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

import tests.airflow_home  # noqa: F401  # before anything of Airflow

PREFIX = "/nightshift"


@pytest.fixture(scope="session")
def server() -> FastAPI:
    """The app as Airflow makes it: it finds the plugin in its plugins folder and mounts it."""
    from airflow import settings
    from airflow.api_fastapi.app import create_app
    from airflow.models.revoked_token import RevokedToken

    # The one table of Airflow's own database that a login reads.
    RevokedToken.metadata.create_all(settings.engine, tables=[RevokedToken.__table__])
    app: FastAPI = create_app(apps="core")
    return app


@pytest.fixture(scope="session")
def pages(server: FastAPI) -> FastAPI:
    """Nightshift's own app inside it."""
    (mount,) = [route for route in server.routes if getattr(route, "path", None) == PREFIX]
    return mount.app  # type: ignore[attr-defined,no-any-return]


@pytest.fixture
def anonymous(server: FastAPI) -> TestClient:
    """A browser that is not logged in."""
    return TestClient(server, raise_server_exceptions=False)


@pytest.fixture
def log_in(server: FastAPI) -> Callable[..., TestClient]:
    """A browser of a user with the given role of the SimpleAuthManager."""
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    def make_client(role: str = "VIEWER") -> TestClient:
        token = get_auth_manager().generate_jwt(SimpleAuthManagerUser(username="vera", role=role, teams=[]))
        return TestClient(server, cookies={"_token": token}, raise_server_exceptions=False)

    return make_client


@pytest.fixture(autouse=True)
def status(server: FastAPI, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What `read_status` says of the pipelines, instead of a warehouse; every user may read all DAGs."""
    from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

    from nightshift.config.loading import load_pipelines

    overview, access = (sys.modules[f"nightshift.ui.{name}"] for name in ("overview", "access"))
    names = [config.name for config in load_pipelines().usable]
    ids = {f"{name}_{kind}" for name in names for kind in access.DAG_KINDS}
    records = [{**make_record(config.name), **config.describe()} for config in load_pipelines().usable]

    def read_pipelines(configs: list[Any]) -> list[dict[str, Any]]:
        asked = {config.name for config in configs}
        return [record for record in records if record["pipeline"] in asked]

    monkeypatch.setattr(SimpleAuthManager, "get_authorized_dag_ids", lambda self, **_: ids)
    monkeypatch.setattr(overview, "_read_pipelines", read_pipelines)
    return records


@pytest.fixture(autouse=True)
def house(server: FastAPI, monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, int, str, str], bytes]:
    """The cards by pipeline, version, kind and format, instead of a lake; version 3 of churn has all of them."""
    models = sys.modules["nightshift.ui.models"]
    cards = {("churn", 3, kind, form): kind.encode() for kind in ("model", "data") for form in ("html", "json")}
    records = [make_model(3, status="champion", decision="promote", cards={"model", "data"}), make_model(2)]
    monkeypatch.setattr(models, "read_models", lambda config: records if config.name == "churn" else [])
    monkeypatch.setattr(
        models, "read_card", lambda config, version, kind, form: cards.get((config.name, version, kind, form))
    )
    return cards


@pytest.fixture(autouse=True)
def quarantine(server: FastAPI, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What lies in quarantine, instead of a lake: nothing yet, but a test may put something in."""
    from nightshift.steps.quarantine.look import Quarantine

    found = Quarantine({}, [], 0)
    monkeypatch.setattr(sys.modules["nightshift.ui.quarantine"], "read_quarantine", lambda config: found)
    return found


def make_model(version: int, **changes: Any) -> dict[str, Any]:
    """A version as `list_models` tells of it, with its cards."""
    return {
        "version": version,
        "trained_at": "2026-11-18T02:00:00+00:00",
        "train_from": "2026-11-10",
        "train_to": "2026-11-16",
        "holdout_from": "2026-11-17",
        "holdout_to": "2026-11-17",
        "rows": 18_000,
        "estimator": "logistic",
        "metric": "roc_auc",
        "value": 0.7654,
        "threshold": 0.4,
        "status": "candidate",
        "since": "2026-11-18T02:05:00+00:00",
        "decision": None,
        "decision_reason": None,
        "cards": set(),
        **changes,
    }


def make_record(name: str) -> dict[str, Any]:
    """A pipeline of which nothing is known yet."""
    fields = (
        "champion_version champion_since last_scored last_scored_rows last_validated last_validation_success "
        "last_validation_rows last_quarantined last_failures last_drift_to last_drifted last_drift_share "
        "last_drift_reason last_decision_as_of last_decision last_decision_reason"
    )
    return {"pipeline": name, "data": "available", **dict.fromkeys(fields.split())}
