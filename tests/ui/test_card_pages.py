"""The page of a pipeline's versions and the cards behind it: for those who may see them, and unable to do anything."""

import sys
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from nightshift.errors import NightshiftError, TemporarilyUnavailable
from tests.ui.conftest import PREFIX, make_model

LogIn = Callable[..., TestClient]
Cards = dict[tuple[str, int, str, str], bytes]
CARD = f"{PREFIX}/cards/churn/3/model"
HOSTILE = "</td><script>alert(1)</script><svg onload=alert(2)>"


def change_models(monkeypatch: pytest.MonkeyPatch, **attributes: Any) -> None:
    for name, value in attributes.items():
        monkeypatch.setattr(sys.modules["nightshift.ui.models"], name, value)


def limit_dags(monkeypatch: pytest.MonkeyPatch, *ids: str) -> None:
    from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

    monkeypatch.setattr(SimpleAuthManager, "get_authorized_dag_ids", lambda self, **_: set(ids))


def test_the_overview_leads_to_the_versions_and_those_to_the_cards(log_in: LogIn) -> None:
    client = log_in()
    assert f'href="{PREFIX}/models/churn"' in client.get(f"{PREFIX}/").text
    page = client.get(f"{PREFIX}/models/churn").text
    for text in (
        "version 3",
        "champion",
        "2026-11-10 to 2026-11-16",
        "18,000 rows",
        "0.7654",
        "promote",
        "never asked",
    ):
        assert text in page, text
    for kind in ("model", "data"):
        for path in (f"{PREFIX}/cards/churn/3/{kind}", f"{PREFIX}/cards/churn/3/{kind}/json"):
            assert f'href="{path}"' in page
            assert client.get(path).status_code == 200
    assert f"{PREFIX}/cards/churn/2/" not in page


def test_a_card_is_sandboxed_and_may_fetch_nothing(log_in: LogIn, house: Cards) -> None:
    house["churn", 3, "model", "html"] = HOSTILE.encode()
    answer = log_in().get(CARD)
    policy = answer.headers["content-security-policy"]
    assert answer.content == HOSTILE.encode()
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert {part.strip() for part in policy.split(";")} >= {
        "sandbox",
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        "img-src data:",
    }
    assert "allow-" not in policy
    assert "script-src" not in policy


def test_the_json_of_a_card_is_a_download(log_in: LogIn) -> None:
    answer = log_in().get(f"{CARD}/json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-disposition"] == 'attachment; filename="churn-3-model.json"'
    assert answer.headers["content-security-policy"].startswith("sandbox;")


@pytest.mark.parametrize("path", ["/models/churn", "/cards/churn/3/model", "/cards/churn/3/data/json"])
def test_a_pipeline_whose_dags_one_may_not_read_looks_like_one_that_does_not_exist(
    log_in: LogIn, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    limit_dags(monkeypatch, "churn_ingest", "churn_score", "flights_ingest")
    hidden = log_in().get(PREFIX + path)
    missing = log_in().get(PREFIX + path.replace("churn", "nowhere"))
    assert hidden.status_code == missing.status_code == 404
    assert hidden.text == missing.text.replace("nowhere", "churn")


@pytest.mark.parametrize(
    "path",
    [
        "/cards/churn/4/model",
        "/cards/flights/3/model",
        "/cards/churn/3/secret",
        "/cards/churn/0/model",
        "/cards/churn/99999999999999/model",
        "/cards/churn/3/model/html",
        "/cards/churn/3/..%2F..%2F..%2Fetc%2Fpasswd",
        "/cards/..%2Fchurn/3/model",
        "/cards/churn/3%20or%201=1/model",
    ],
)
def test_what_is_no_card_is_not_served(log_in: LogIn, path: str) -> None:
    answer = log_in().get(PREFIX + path)
    assert answer.status_code in (404, 422)
    assert "root:x:0" not in answer.text


def test_a_path_of_the_request_is_shown_escaped(log_in: LogIn) -> None:
    page = log_in().get(f"{PREFIX}/models/%3Csvg%20onload=alert(2)%3E")
    assert page.status_code == 404
    assert "<svg" not in page.text
    assert "&lt;svg onload=alert(2)&gt;" in page.text


def test_hostile_reasons_are_shown_and_not_run(log_in: LogIn, monkeypatch: pytest.MonkeyPatch) -> None:
    model = make_model(3, decision="keep", decision_reason=HOSTILE, estimator=HOSTILE)
    change_models(monkeypatch, read_models=lambda config: [model])
    page = log_in().get(f"{PREFIX}/models/churn").text
    assert "<svg" not in page
    assert page.count("&lt;script&gt;alert(1)") == 2


def test_a_card_that_was_changed_is_not_shown(log_in: LogIn, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> bytes:
        raise NightshiftError("x is not the card that was recorded")

    change_models(monkeypatch, read_card=fail)
    answer = log_in().get(CARD)
    assert (answer.status_code, "not the card that was recorded" in answer.text) == (500, True)


def test_without_a_warehouse_the_pages_say_so(log_in: LogIn, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Any:
        raise TemporarilyUnavailable("The warehouse does not answer. Start it: bin/nightshift up")

    change_models(monkeypatch, read_card=fail, read_models=fail)
    for path in (CARD, f"{PREFIX}/models/churn"):
        answer = log_in().get(path)
        assert (answer.status_code, "Start it: bin/nightshift up" in answer.text) == (503, True)


def test_a_pipeline_without_versions_says_what_to_do(log_in: LogIn) -> None:
    assert 'href="/dags/flights_train"' in log_in().get(f"{PREFIX}/models/flights").text
