"""Every route of Nightshift's pages: closed to the anonymous, escaped, and with headers that keep a browser safe."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from nightshift.errors import TemporarilyUnavailable
from tests.ui.conftest import PREFIX

LogIn = Callable[..., TestClient]
Records = list[dict[str, Any]]
HOSTILE = "</td><script>alert(1)</script><img src=x onerror=alert(2)>"


def list_requests(pages: FastAPI) -> list[tuple[str, str]]:
    """Method and path of everything that the app answers, about a version that has cards."""
    asked = {"pipeline": "churn", "version": 3, "kind": "model"}
    return [
        (method, PREFIX + route.path.format(**asked))  # type: ignore[attr-defined]
        for route in pages.routes
        for method in sorted(route.methods)  # type: ignore[attr-defined]
    ]


def test_the_app_has_the_routes_that_these_tests_know(pages: FastAPI) -> None:
    """Generated docs would be routes without a login."""
    assert all(isinstance(route, APIRoute) for route in pages.routes)
    assert {route.path for route in pages.routes} == {  # type: ignore[attr-defined]
        "/",
        "/api/status",
        "/models/{pipeline}",
        "/quarantine/{pipeline}",
        "/cards/{pipeline}/{version}/{kind}",
        "/cards/{pipeline}/{version}/{kind}/json",
    }


def test_no_route_answers_the_anonymous(pages: FastAPI, anonymous: TestClient) -> None:
    for method, path in list_requests(pages):
        assert anonymous.request(method, path).status_code == 401, (method, path)


def test_no_route_answers_a_token_that_airflow_did_not_sign(pages: FastAPI, anonymous: TestClient) -> None:
    for method, path in list_requests(pages):
        answer = anonymous.request(method, path, headers={"Authorization": "Bearer e30.e30.x"})
        assert answer.status_code in (401, 403), (method, path)


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/static/page.js", "/templates/overview.html"])
def test_nothing_else_is_served_below_the_pages(log_in: LogIn, path: str) -> None:
    assert log_in("ADMIN").get(PREFIX + path).status_code == 404


def test_every_route_answers_a_user_who_may_see_plugins(pages: FastAPI, log_in: LogIn) -> None:
    for method, path in list_requests(pages):
        assert log_in("VIEWER").request(method, path).status_code == 200, (method, path)


def test_no_route_answers_a_user_who_may_not(pages: FastAPI, log_in: LogIn, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

    monkeypatch.setattr(SimpleAuthManager, "is_authorized_view", lambda self, **_: False)
    for method, path in list_requests(pages):
        assert log_in("VIEWER").request(method, path).status_code == 403, (method, path)


def test_every_answer_carries_the_safe_headers(pages: FastAPI, log_in: LogIn, anonymous: TestClient) -> None:
    for client in (anonymous, log_in()):
        for method, path in list_requests(pages):
            headers = client.request(method, path).headers
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy
            # A card brings its own style, and may do nothing at all.
            assert "unsafe" not in policy or policy.startswith(
                "sandbox; default-src 'none'; style-src 'unsafe-inline';"
            )
            assert "script-src 'unsafe" not in policy
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["cache-control"] == "no-store"


def test_the_page_needs_nothing_from_elsewhere(log_in: LogIn) -> None:
    page = log_in().get(f"{PREFIX}/").text
    assert "http://" not in page
    assert "https://" not in page
    assert "src=" not in page


def test_the_policy_allows_the_pages_own_script_and_style(log_in: LogIn) -> None:
    import base64
    import hashlib
    import re

    answer = log_in().get(f"{PREFIX}/")
    for tag in ("script", "style"):
        (content,) = re.findall(f"<{tag}>(.*?)</{tag}>", answer.text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in answer.headers["content-security-policy"]


def test_hostile_values_are_shown_and_not_run(log_in: LogIn, status: Records) -> None:
    day = date(2026, 11, 20)
    for record in status:
        record |= {
            "title": HOSTILE,
            "data": f"no data: {HOSTILE}",
            "last_drift_to": day,
            "last_drifted": True,
            "last_drift_reason": HOSTILE,
            "last_decision_as_of": day,
            "last_decision": HOSTILE,
            "last_decision_reason": HOSTILE,
        }
    page = log_in().get(f"{PREFIX}/").text
    assert "<img" not in page
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;alert(1)") == 5 * len(status)


def test_a_user_sees_only_pipelines_whose_dags_they_may_read(log_in: LogIn, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

    kinds = sys.modules["nightshift.ui.access"].DAG_KINDS
    readable = {*(f"churn_{kind}" for kind in kinds), "flights_ingest"}
    monkeypatch.setattr(SimpleAuthManager, "get_authorized_dag_ids", lambda self, **_: readable)
    records = log_in().get(f"{PREFIX}/api/status").json()["pipelines"]
    assert [record["pipeline"] for record in records] == ["churn"]
    page = log_in().get(f"{PREFIX}/").text
    assert "flights" not in page
    assert "bikes" not in page


def test_refused_pipelines_are_shown_to_those_who_may_read_import_errors(
    log_in: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
    from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

    from nightshift.config.loading import LoadedPipelines, PipelineRefused, Problem, load_pipelines

    refused = PipelineRefused("broken", [Problem(load_pipelines().usable[0].folder, 3, "task", HOSTILE)])
    loaded = LoadedPipelines(load_pipelines().usable, (refused,))
    monkeypatch.setattr(sys.modules["nightshift.ui.overview"], "load_pipelines", lambda: loaded)
    page = log_in().get(f"{PREFIX}/").text
    assert "<h2>Refused</h2>" in page
    assert "bin/nightshift check broken" in page
    assert "<img" not in page
    monkeypatch.setattr(
        SimpleAuthManager,
        "is_authorized_view",
        lambda self, access_view, **_: access_view is not AccessView.IMPORT_ERRORS,
    )
    assert "<h2>Refused</h2>" not in log_in().get(f"{PREFIX}/").text


def test_without_a_warehouse_the_page_says_so(log_in: LogIn, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    def fail(configs: Any) -> Any:
        raise TemporarilyUnavailable("The warehouse does not answer. Start it: bin/nightshift up")

    monkeypatch.setattr(sys.modules["nightshift.ui.overview"], "_read_pipelines", fail)
    answer = log_in().get(f"{PREFIX}/")
    assert answer.status_code == 503
    assert "The warehouse does not answer. Start it: bin/nightshift up" in answer.text
    assert "Traceback" not in answer.text
    assert 'href="/dags/churn_ingest"' in answer.text
    assert log_in().get(f"{PREFIX}/api/status").json()["problem"].startswith("The warehouse does not answer")


def test_the_table_says_what_is_known(log_in: LogIn, status: Records) -> None:
    day, since = date(2026, 11, 20), datetime(2026, 11, 18, 2, 5, tzinfo=UTC)
    (churn,) = [record for record in status if record["pipeline"] == "churn"]
    churn |= {
        "champion_version": 3,
        "champion_since": since,
        "last_scored": day,
        "last_scored_rows": 3000,
        "last_validated": day,
        "last_validation_success": False,
        "last_validation_rows": 3000,
        "last_quarantined": 1234,
        "last_drift_to": day,
        "last_drifted": None,
        "last_drift_reason": "too few rows",
    }
    (bikes,) = [record for record in status if record["pipeline"] == "bikes"]
    bikes["data"] = "no data: there is no file /data/hour.csv"
    page = log_in().get(f"{PREFIX}/").text
    for text in (
        "version 3",
        "since 2026-11-18 02:05 UTC",
        "3,000 rows",
        "2026-11-20 stopped",
        "1,234 in quarantine",
        "2026-11-20 unknown",
        "too few rows",
        "no data",
        "there is no file /data/hour.csv",
        "simulated",
        "real data",
    ):
        assert text in page, text


def test_the_navigation_leads_to_the_page(log_in: LogIn) -> None:
    from airflow.plugins_manager import _get_ui_plugins

    (view,) = [view for view in _get_ui_plugins()[0] if view["name"] == "Nightshift"]
    assert (view["destination"], view["href"]) == ("nav", f"{PREFIX}/")
    assert log_in().get(view["href"]).status_code == 200


def test_the_plugin_costs_other_airflow_processes_nothing() -> None:
    """Every task loads the plugins; the pages' libraries must wait for the API server."""
    import os
    import subprocess
    import sys

    from tests.airflow_home import ROOT

    code = (
        "import sys; from airflow import plugins_manager as p; p.ensure_plugins_loaded(); p.get_timetables_plugins();"
        "heavy = ('nightshift.ui', 'airflow.api_fastapi.core_api.security', 'nightshift.io', 'pandas');"
        "print('nightshift' in {q.name for q in p._get_plugins()[0]}, [m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT.parent,
        env=dict(os.environ),
    )
    assert done.stdout.splitlines()[-1] == "True []"
