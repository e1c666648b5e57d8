"""Alerts on a real warehouse, told by Airflow's notifiers to a webhook, a chat and a mail server, all here."""

import json
import socketserver
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email import message_from_string
from email.message import Message as Mail
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

import tests.airflow_home  # noqa: F401  # before anything of Airflow
from nightshift.commands.alerts import describe_alert
from nightshift.orchestration.notifiers import explain_failure, make_senders
from nightshift.steps.alerts import notify_alerts, reconcile_alerts
from tests.integration.kit import LEARNING, NIGHTS, World, bend, draw_rows

NOW = datetime(2026, 1, 7, 9, 0, tzinfo=UTC)
NIGHT = NIGHTS[6]
URL = "http://airflow.example:8080"


class MailHandler(socketserver.StreamRequestHandler):
    """Enough of SMTP to take a mail."""

    def handle(self) -> None:
        self.wfile.write(b"220 sink\r\n")
        while line := self.rfile.readline().decode().strip():
            if line.upper() == "DATA":
                self.wfile.write(b"354 go on\r\n")
                lines = iter(lambda: self.rfile.readline().decode().rstrip("\r\n"), ".")
                self.server.inbox.mails.append(message_from_string("\n".join(lines)))  # type: ignore[attr-defined]
            self.wfile.write(b"221 bye\r\n" if line.upper() == "QUIT" else b"250 ok\r\n")


class HookHandler(BaseHTTPRequestHandler):
    """Keeps the JSON of each path; answers as it is told."""

    def do_POST(self) -> None:
        inbox: Inbox = self.server.inbox  # type: ignore[attr-defined]
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status = inbox.status.get(self.path, 200)
        if status == 200:
            inbox.posts.setdefault(self.path, []).append(body)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(b"ok" if status == 200 else b"token=hidden-canary")

    def log_message(self, *_: Any) -> None:
        pass


@dataclass
class Inbox:
    """What arrived."""

    posts: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    mails: list[Mail] = field(default_factory=list)
    status: dict[str, int] = field(default_factory=dict)

    @property
    def hooks(self) -> list[dict[str, Any]]:
        return self.posts.get("/hook/hidden-canary", [])


@pytest.fixture
def inbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Inbox]:
    """Servers on loopback, and Airflow's connections to them."""
    inbox = Inbox()
    servers: list[Any] = [
        ThreadingHTTPServer(("127.0.0.1", 0), HookHandler),
        socketserver.ThreadingTCPServer(("127.0.0.1", 0), MailHandler),
    ]
    for server in servers:
        server.inbox, server.daemon_threads = inbox, True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    web, mail = (server.server_address[1] for server in servers)
    connections = {
        "HOOK": {"conn_type": "http", "host": f"http://127.0.0.1:{web}/hook/hidden-canary"},
        "CHAT": {"conn_type": "slackwebhook", "password": f"http://127.0.0.1:{web}/chat"},
        "POST": {
            "conn_type": "smtp",
            "host": "127.0.0.1",
            "port": mail,
            "extra": {
                "from_email": "night@example.org",
                "to": "duty@example.org",
                "disable_ssl": True,
                "disable_tls": True,
            },
        },
    }
    for name, connection in connections.items():
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", json.dumps(connection))
    yield inbox
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def told(champion_world: World) -> World:
    """A pipeline with a champion, that tells all three."""
    return bend(champion_world, alerts={"connections": ["hook", "chat", "post"], "stale_after_days": 90})


def update(world: World, now: datetime = NOW, expected: tuple[date, ...] = ()) -> dict[str, Any]:
    """What the task `notify` does; its figures."""
    changed = reconcile_alerts(world.config, world.resources, now, URL, expected)
    senders = make_senders(world.config.spec.alerts.connections)
    return changed.figures | notify_alerts(world.config, world.resources, senders, now, explain_failure).figures


def record_drift(world: World, drifted: bool | None, day: int, reason: str = "spent moved") -> None:
    world.change(
        "insert into monitoring.drift (pipeline, window_from, window_to, model_version, drifted, share, reason,"
        " reference_rows, current_rows, columns)"
        " values ('shops', :day, :day, 1, :drifted, 0.5, :reason, 500, 500, '{}')",
        day=date(2026, 1, day),
        drifted=drifted,
        reason=reason,
    )


def read_alerts(world: World) -> list[tuple[Any, ...]]:
    return world.ask("select kind, subject, recovered_at is null from monitoring.alerts order by id")


def test_a_stopped_batch_is_told_to_everybody_once_and_its_recovery_as_well(told: World, inbox: Inbox) -> None:
    told.write(NIGHT, draw_rows(NIGHT).assign(spent=-5.0))
    assert told.ingest(NIGHT).status == "stopped"
    first, second = update(told), update(told)
    assert (first["opened"], first["notified"]) == (
        [["stopped_batch", "2026-01-07"]],
        ["shops: stopped batch (2026-01-07)"],
    )
    assert (second["opened"], second["notified"]) == ([], [])
    [hook], [chat], [mail] = inbox.hooks, inbox.posts["/chat"], inbox.mails
    assert {name: hook[name] for name in ("pipeline", "kind", "subject", "state", "link")} == {
        "pipeline": "shops",
        "kind": "stopped_batch",
        "subject": "2026-01-07",
        "state": "open",
        "link": f"{URL}/dags/shops_ingest",
    }
    assert "spent" in hook["why"] and "shops_ingest" in hook["todo"] and datetime.fromisoformat(hook["at"]).tzinfo
    assert chat["text"].startswith("*shops: stopped batch (2026-01-07)*\n*What:* ")
    assert f"<{URL}/dags/shops_ingest|Open in Airflow>" in chat["text"]
    assert (mail["Subject"], mail["To"]) == ("shops: stopped batch (2026-01-07)", "duty@example.org")
    assert f'href="{URL}/dags/shops_ingest"' in read_body(mail)

    told.run_night(NIGHT)
    assert update(told)["recovered"] == [["stopped_batch", "2026-01-07"]]
    assert update(told)["notified"] == []
    assert [post["state"] for post in inbox.hooks] == ["open", "recovered"]
    assert inbox.hooks[1]["recovery"] == "It was run again and passed."
    assert [len(inbox.posts["/chat"]), len(inbox.mails)] == [2, 2]
    assert inbox.mails[1]["Subject"] == "Recovered: shops: stopped batch (2026-01-07)"


def read_body(mail: Mail) -> str:
    part = mail.get_payload(0)
    assert isinstance(part, Mail)
    return bytes(part.get_payload(decode=True)).decode()  # type: ignore[arg-type]


def test_a_stopped_batch_is_told_although_a_newer_one_has_passed_meanwhile(told: World, inbox: Inbox) -> None:
    """The days of a backfill run at once."""
    told.write(NIGHT, draw_rows(NIGHT).assign(spent=-5.0))
    assert told.ingest(NIGHT).status == "stopped"
    told.run_night(NIGHTS[7])
    assert [update(told)[name] for name in ("opened", "recovered", "opened")] == [
        [["stopped_batch", str(NIGHT)]],
        [["stopped_batch", str(NIGHT)]],
        [],
    ]
    assert inbox.hooks[1]["recovery"] == "A newer batch passed. This one still has no scores."


def test_many_runs_at_once_tell_each_event_once(told: World, inbox: Inbox) -> None:
    record_drift(told, True, 6)
    with ThreadPoolExecutor(8) as pool:
        figures = list(pool.map(lambda _: update(told), range(16)))
    assert sum(len(found["opened"]) for found in figures) == 1
    assert read_alerts(told) == [("drift", "version 1", True)]
    assert [len(inbox.hooks), len(inbox.posts["/chat"]), len(inbox.mails)] == [1, 1, 1]


def test_a_webhook_that_fails_is_tried_again_alone(told: World, inbox: Inbox) -> None:
    record_drift(told, True, 6)
    inbox.status["/hook/hidden-canary"] = 500
    assert update(told)["problems"] == {"hook": "AirflowException 500"}
    assert told.ask("select notified_at, recipients, problem from monitoring.alerts") == [
        (None, ["chat", "post"], "hook: AirflowException 500")
    ]
    inbox.status.clear()
    assert update(told)["notified"] == ["shops: drift (version 1)"]
    assert told.ask("select notified_at is not null, problem from monitoring.alerts") == [(True, None)]
    assert [len(inbox.hooks), len(inbox.posts["/chat"]), len(inbox.mails)] == [1, 1, 1]


@pytest.mark.parametrize("conn_id", ["nowhere", "wrong", "mute"])
def test_a_connection_that_tells_nobody_says_what_it_lacks(
    champion_world: World, inbox: Inbox, monkeypatch: pytest.MonkeyPatch, conn_id: str
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_WRONG", json.dumps({"conn_type": "ftp", "password": "hidden-canary"}))
    monkeypatch.setenv("AIRFLOW_CONN_MUTE", json.dumps({"conn_type": "smtp", "host": "127.0.0.1"}))
    world = bend(champion_world, alerts={"connections": [conn_id, "hook"]})
    record_drift(world, True, 6)
    problem = update(world)["problems"][conn_id]
    wanted = {"nowhere": "has no connection 'nowhere'", "wrong": "conn_type 'ftp'", "mute": "to and from_email"}
    assert wanted[conn_id] in problem and "hidden-canary" not in problem
    assert len(inbox.hooks) == 1


def test_a_drift_that_lasts_is_one_event_and_one_that_comes_back_is_another(told: World, inbox: Inbox) -> None:
    for day, drifted in ((2, True), (3, True), (4, False), (5, True)):
        record_drift(told, drifted, day)
        update(told)
    assert read_alerts(told) == [("drift", "version 1", False), ("drift", "version 1", True)]
    assert [post["state"] for post in inbox.hooks] == ["open", "recovered", "open"]


def test_an_event_that_is_over_before_anybody_was_told_is_one_message(told: World, inbox: Inbox) -> None:
    record_drift(told, True, 5)
    reconcile_alerts(told.config, told.resources, NOW)
    record_drift(told, False, 6)
    update(told)
    assert [post["state"] for post in inbox.hooks] == ["recovered"]
    assert update(told)["notified"] == []


def test_what_cannot_be_compared_is_one_event_while_the_same_column_is_at_fault(told: World, inbox: Inbox) -> None:
    for day in (5, 6):
        record_drift(told, None, day, f"unknown: rained is empty on 2026-01-0{day}")
        for column, drifted in (("rained", None), ("spent", False)):
            told.change(
                "insert into monitoring.drift_columns (pipeline, partition_date, model_version, column_name, kind,"
                " method, score_limit, drifted, weight, reason)"
                " values ('shops', :day, 1, :column, 'numeric', 'x', 0.1, :drifted, 0.5, '')",
                day=date(2026, 1, day),
                column=column,
                drifted=drifted,
            )
        update(told)
    assert [(post["kind"], post["subject"]) for post in inbox.hooks] == [("unknown", "rained")]


def test_a_column_beyond_ordinary_values_is_told_although_nothing_drifted(told: World, inbox: Inbox) -> None:
    record_drift(told, False, 5, "1 of 4 columns moved")
    told.change(
        "insert into monitoring.drift_columns (pipeline, partition_date, model_version, column_name, kind,"
        " method, score, score_limit, drifted, weight, reason)"
        " values ('shops', '2026-01-05', 1, 'spent', 'numeric', 'wasserstein', 11.5, 0.1, true, 0.01, '')"
    )
    update(told)
    record_drift(told, False, 6)
    update(told)
    assert [(post["kind"], post["subject"], post["state"]) for post in inbox.hooks] == [
        ("extreme", "spent", "open"),
        ("extreme", "spent", "recovered"),
    ]


def test_a_refused_candidate_is_told_until_another_is_promoted(told: World, inbox: Inbox) -> None:
    told.change(
        "insert into ml.gate_decisions (pipeline, candidate_version, champion_version, decision, rules, reason)"
        " values ('shops', 1, 1, 'keep', '[]', 'no better than the baseline')"
    )
    update(told)
    [post] = inbox.hooks
    assert (post["kind"], post["why"]) == ("failed_gate", "no better than the baseline")
    told.change(
        "insert into ml.promotions (pipeline, version, previous_version, promoted_by, reason, kind)"
        " values ('shops', 1, 1, 'tests', 'by hand', 'manual')"
    )
    assert update(told)["recovered"] == [["failed_gate", "version 1"]]


def test_a_champion_far_behind_the_data_that_it_scores_is_stale(champion_world: World) -> None:
    world = bend(champion_world, alerts={"stale_after_days": 3})
    far = LEARNING[-1] + timedelta(days=5)
    world.write(far)
    assert world.ingest(far).status == "done"
    assert ["stale_champion", "version 1"] in update(world)["opened"]


def test_a_missed_partition_is_told_late_enough_and_recovers_when_it_is_scored(told: World, inbox: Inbox) -> None:
    promoted = datetime(2026, 1, 7, 1, 0, tzinfo=UTC)
    told.change_history("ml.promotions", "update ml.promotions set promoted_at = :at", at=promoted)
    # 6 January was due at 2 o'clock on the 7th, and has six hours.
    night = NIGHTS[5]
    assert update(told, datetime(2026, 1, 7, 7, 59, tzinfo=UTC))["opened"] == []
    assert update(told, datetime(2026, 1, 7, 8, 1, tzinfo=UTC))["opened"] == [["missed_partition", str(night)]]
    # Much later it still is missing, and the nights of the days after are as well, but none of history.
    later = update(told, datetime(2026, 1, 9, 8, 1, tzinfo=UTC))["opened"]
    assert later == [["missed_partition", str(NIGHTS[6])], ["missed_partition", str(NIGHTS[7])]]
    told.run_night(night)
    assert update(told, datetime(2026, 1, 9, 8, 2, tzinfo=UTC))["recovered"] == [["missed_partition", str(night)]]
    assert inbox.hooks[-1]["recovery"] == "Its scores are there."
    # Out of sight for a month, an open one does not count as recovered, and nobody speaks of the month.
    month_later = update(told, datetime(2026, 2, 9, 8, 2, tzinfo=UTC))
    assert (month_later["opened"], month_later["recovered"]) == ([], [])


def test_a_deadline_and_the_reconciliation_open_the_same_alert(told: World, inbox: Inbox) -> None:
    later = datetime(2026, 1, 7, 8, 0, 1, tzinfo=UTC)
    assert update(told, later, expected=(NIGHTS[5],))["opened"] == [["missed_partition", str(NIGHTS[5])]]
    assert update(told, later)["opened"] == []
    assert len(inbox.hooks) == 1


def test_without_a_champion_no_night_is_missed(world: World) -> None:
    world.write(NIGHTS[0])
    assert world.ingest(NIGHTS[0]).status == "done"
    assert update(world, datetime(2026, 1, 5, tzinfo=UTC), expected=(NIGHTS[0],))["opened"] == []


def test_data_in_a_message_are_neither_markup_nor_template(told: World, inbox: Inbox) -> None:
    record_drift(told, True, 6, "new categories: <!channel> <img src=x> {{ 7 * 7 }} https://evil.example")
    update(told)
    [chat], [mail], [hook] = inbox.posts["/chat"], inbox.mails, inbox.hooks
    assert (
        "&lt;!channel&gt;" in chat["text"] and "<!channel>" not in chat["text"] and "https://evil" not in chat["text"]
    )
    assert "<img" not in read_body(mail) and "&lt;img src=x&gt;" in read_body(mail)
    assert "{{ 7 * 7 }}" in hook["why"] and "{{ 7 * 7 }}" in chat["text"]


def test_without_connections_alerts_are_kept_and_said_once(champion_world: World) -> None:
    record_drift(champion_world, True, 6)
    assert [update(champion_world)["notified"] for _ in range(2)] == [["shops: drift (version 1)"], []]


def test_the_command_line_shows_an_alert_with_its_state(told: World, inbox: Inbox) -> None:
    from nightshift.steps.alerts import list_alerts

    record_drift(told, True, 6)
    update(told)
    [row] = list_alerts(told.resources, [told.config.name])
    shown = describe_alert(row)
    assert (shown["pipeline"], shown["alert"], shown["state"]) == ("shops", "drift (version 1)", "open")
    record_drift(told, False, 7)
    update(told)
    assert list_alerts(told.resources, ["shops"]) == []
    assert describe_alert(list_alerts(told.resources, ["shops"], every=True)[0])["state"] == "recovered"
