"""Whatever route the plugin has, now or later, however it is asked: nobody gets in without a login and the right."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.routing import BaseRoute

from tests.ui.conftest import PREFIX

LogIn = Callable[..., TestClient]
pytestmark = pytest.mark.guarantee(23)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
GENERATED = ("/docs", "/docs/oauth2-redirect", "/redoc", "/openapi.json", "/static", "/..%2f", "/%2e%2e/", "/nowhere")
HIDDEN, NO_SUCH_METHOD, NO_SUCH_PAGE = 401, 405, 404


def list_routes(routes: list[BaseRoute], prefix: str) -> Iterator[tuple[str, set[str]]]:
    """Path and methods of every route, in what is mounted inside as well; a placeholder is filled with 1."""
    for route in routes:
        path = prefix + re.sub(r"\{\w+(:\w+)?\}", "1", getattr(route, "path", ""))
        if inner := getattr(route, "routes", None):
            yield from list_routes(inner, path)
        else:
            yield path, set(getattr(route, "methods", None) or METHODS)


def list_asked(pages: FastAPI) -> list[tuple[str, str, bool]]:
    """Method, path, and whether the app has an answer to it."""
    routes = list(list_routes(pages.routes, PREFIX))
    assert len(routes) > 4
    known = [(method, path, method in methods) for path, methods in routes for method in METHODS]
    return known + [(method, PREFIX + path, False) for path in GENERATED for method in ("GET", "POST", "HEAD")]


def test_the_plugin_brings_one_app_and_that_is_the_one_these_tests_ask(server: FastAPI, pages: FastAPI) -> None:
    """No second app, no middleware in front of Airflow's own."""
    from airflow import plugins_manager

    apps, middlewares = plugins_manager.get_fastapi_plugins()
    assert [app["url_prefix"] for app in apps] == [PREFIX]
    assert apps[0]["app"] is pages
    assert middlewares == []


def test_the_anonymous_get_nothing(pages: FastAPI, anonymous: TestClient) -> None:
    for method, path, known in list_asked(pages):
        answer = anonymous.request(method, path, follow_redirects=False)
        allowed = {HIDDEN} if known else {HIDDEN, NO_SUCH_METHOD, NO_SUCH_PAGE}
        assert answer.status_code in allowed, (method, path, answer.status_code)
        assert "churn" not in answer.text


def test_a_user_without_the_right_gets_nothing(pages: FastAPI, log_in: LogIn, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

    monkeypatch.setattr(SimpleAuthManager, "is_authorized_view", lambda self, **_: False)
    for method, path, known in list_asked(pages):
        answer = log_in().request(method, path, follow_redirects=False)
        allowed = {403} if known else {403, NO_SUCH_METHOD, NO_SUCH_PAGE}
        assert answer.status_code in allowed, (method, path, answer.status_code)
        assert "churn" not in answer.text


def test_even_an_administrator_gets_nothing_but_the_pages(pages: FastAPI, log_in: LogIn) -> None:
    for method, path, known in list_asked(pages):
        if not known:
            assert log_in("ADMIN").request(method, path).status_code in (NO_SUCH_METHOD, NO_SUCH_PAGE), (method, path)


@pytest.mark.parametrize("token", ["", "e30.e30.", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEiLCJyb2xlIjoiQURNSU4ifQ."])
def test_a_forged_token_is_no_login(pages: FastAPI, server: FastAPI, token: str) -> None:
    """Not even one that says of itself that it needs no signature."""
    client = TestClient(server, cookies={"_token": token}, raise_server_exceptions=False)
    for method, path, known in list_asked(pages):
        if known:
            headers: dict[str, Any] = {"Authorization": f"Bearer {token}"} if token else {}
            assert client.request(method, path, headers=headers).status_code in (401, 403), (method, path)
