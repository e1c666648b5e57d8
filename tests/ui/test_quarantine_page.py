"""The page of a pipeline's quarantine: what lies there and how to replay it, with everything shown as text."""

import sys
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from fastapi.testclient import TestClient

from nightshift.core.batch.quarantine import group_rows, rank_groups
from nightshift.errors import TemporarilyUnavailable
from nightshift.io.lake.base import CorruptObject
from tests.ui.conftest import PREFIX

LogIn = Callable[..., TestClient]
PAGE = f"{PREFIX}/quarantine/churn"
HOSTILE = "</td><script>alert(1)</script><svg onload=alert(2)>\u202ecod"
DAY = date(2026, 3, 2)


def put_in(quarantine: Any, *rows: dict[str, Any]) -> None:
    """Let the rows lie in quarantine."""
    groups: dict[str, Any] = {}
    group_rows(groups, DAY, rows, "quarantine_reason", 5)
    quarantine.partitions[DAY] = len(rows)
    quarantine.reasons.extend(rank_groups(groups))


def change_quarantine(monkeypatch: pytest.MonkeyPatch, **attributes: Any) -> None:
    for name, value in attributes.items():
        monkeypatch.setattr(sys.modules["nightshift.ui.quarantine"], name, value)


def test_the_overview_leads_to_it_and_it_leads_to_the_dag(log_in: LogIn, status: Any, quarantine: Any) -> None:
    (churn,) = [record for record in status if record["pipeline"] == "churn"]
    churn |= {"last_validated": DAY, "last_validation_success": True, "last_validation_rows": 9, "last_quarantined": 2}
    assert f'href="{PAGE}"' in log_in().get(f"{PREFIX}/").text
    put_in(quarantine, *({"calls": n, "quarantine_reason": f"calls: '{n}x' is not a valid integer"} for n in (1, 2)))
    page = log_in().get(PAGE).text
    for text in ("2 rows", "calls: … is not a valid integer", "2026-03-02 (2)", 'href="/dags/churn_quarantine"'):
        assert text in page, text


def test_without_rows_it_says_so(log_in: LogIn) -> None:
    assert "Quarantine is empty" in log_in().get(PAGE).text


def test_hostile_rows_are_shown_and_not_run(log_in: LogIn, quarantine: Any) -> None:
    put_in(quarantine, {HOSTILE: HOSTILE, "quarantine_reason": f"{HOSTILE}: the key is missing"})
    page = log_in().get(PAGE).text
    assert "<svg" not in page
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;alert(1)") == 4
    assert "\u202e" not in page


@pytest.mark.parametrize(
    ("problem", "code"),
    [(TemporarilyUnavailable("Start it: bin/nightshift up"), 503), (CorruptObject("not it"), 500)],
)
def test_what_can_not_be_read_is_said(
    log_in: LogIn, monkeypatch: pytest.MonkeyPatch, problem: Exception, code: int
) -> None:
    def fail(config: Any) -> Any:
        raise problem

    change_quarantine(monkeypatch, read_quarantine=fail)
    answer = log_in().get(PAGE)
    assert (answer.status_code, str(problem) in answer.text) == (code, True)


@pytest.mark.guarantee(23)
def test_a_pipeline_whose_dags_one_may_not_read_looks_like_one_that_does_not_exist(
    log_in: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

    monkeypatch.setattr(SimpleAuthManager, "get_authorized_dag_ids", lambda self, **_: {"churn_ingest"})
    hidden, missing = log_in().get(PAGE), log_in().get(PAGE.replace("churn", "nowhere"))
    assert hidden.status_code == missing.status_code == 404
    assert hidden.text == missing.text.replace("nowhere", "churn")
