"""Which alerts a state has, what recovers, and how a message reads; no warehouse needed."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from nightshift.config.sections.alerts import Alerts
from nightshift.config.sections.schedules import Schedules
from nightshift.core.alerts.messages import Message, make_payload, write_html, write_slack
from nightshift.core.alerts.rules import Decided, Drifted, Facts, explain_recovery, find_alerts, list_due, name_unknown

NOW = datetime(2026, 3, 31, 12, 0, tzinfo=UTC)
NIGHT = date(2026, 3, 30)
CALM = Facts(
    "shops",
    NOW,
    champion=2,
    champion_last_day=date(2026, 3, 20),
    champion_since=datetime(2026, 3, 20, tzinfo=UTC),
    ingested=frozenset(NIGHT - timedelta(days=back) for back in range(9)),
    scored=frozenset(NIGHT - timedelta(days=back) for back in range(9)),
)
MESSAGE = Message(
    7, "shops", "drift", "version 2", "open", NOW, "It moved.", "a < b & c", "Look.", "http://x/dags/shops_drift"
)


def find(facts: Facts, **schedules: str) -> list[tuple[str, str]]:
    return [(alert.kind, alert.subject) for alert in find_alerts(facts, Alerts(), Schedules(**schedules))]


def test_a_calm_pipeline_has_no_alert() -> None:
    assert find(CALM) == []


def test_an_empty_pipeline_has_no_alert() -> None:
    assert find(Facts("shops", NOW)) == []


def test_every_alert_says_what_why_and_what_to_do_and_where() -> None:
    facts = replace(
        CALM,
        champion_last_day=date(2025, 1, 1),
        stopped={NIGHT: "too few rows"},
        failed=frozenset({NIGHT}),
        drift=Drifted(NIGHT, 2, True, "spent moved"),
        refused=(Decided(3, "keep", "worse"),),
        scored=CALM.scored - {NIGHT, NIGHT - timedelta(days=1)},
    )
    alerts = find_alerts(facts, Alerts(), Schedules())
    assert [alert.kind for alert in alerts] == [
        "stopped_batch",
        "drift",
        "failed_gate",
        "stale_champion",
        "missed_partition",
    ]
    assert all(alert.what and alert.why and alert.todo for alert in alerts)
    assert [alert.dag for alert in alerts] == ["ingest", "drift", "train", "train", "ingest"]


def test_a_night_that_was_stopped_is_not_missed_as_well() -> None:
    facts = replace(CALM, stopped={NIGHT: "bad"}, failed=frozenset({NIGHT}), scored=CALM.scored - {NIGHT})
    assert find(facts) == [("stopped_batch", str(NIGHT))]


@pytest.mark.parametrize("drifted", [True, None])
def test_drift_from_an_earlier_champion_is_nobodys_business(drifted: bool | None) -> None:
    assert find(replace(CALM, drift=Drifted(NIGHT, 1, drifted, "x"))) == []
    assert len(find(replace(CALM, drift=Drifted(NIGHT, 2, drifted, "x")))) == 1


def test_what_is_unknown_has_the_same_name_every_night() -> None:
    few = Drifted(NIGHT, 2, None, "unknown: 5 rows in 2026-03-30, fewer than 200")
    next_night = replace(few, reason="unknown: 17 rows in 2026-03-31, fewer than 200")
    assert name_unknown(few) == name_unknown(next_night)
    assert name_unknown(replace(few, unknown=("b", "a"), columns=5)) == "a, b"
    assert name_unknown(replace(few, unknown=("b", "a"), columns=2)) == name_unknown(few)


def test_only_the_last_refusal_is_news_and_earlier_ones_stay_open() -> None:
    facts = replace(CALM, refused=(Decided(3, "keep", "x"), Decided(4, "needs_approval", "y")))
    assert find(facts) == [("failed_gate", "version 4")]
    held = replace(facts, open=frozenset({("failed_gate", "version 3")}))
    assert find(held) == [("failed_gate", "version 3"), ("failed_gate", "version 4")]


def test_a_champion_is_old_by_the_data_that_it_scores() -> None:
    """History that is replayed years later is not neglect."""
    at_limit = replace(CALM, champion_last_day=NIGHT - timedelta(days=90))
    assert find(at_limit) == []
    assert find(replace(at_limit, champion_last_day=NIGHT - timedelta(days=91))) == [("stale_champion", "version 2")]
    assert find(replace(CALM, now=NOW + timedelta(days=4000))) == []


def test_a_night_is_missed_partition_hours_after_its_ingest_was_due() -> None:
    waiting = replace(CALM, scored=CALM.scored - {NIGHT})
    for hour, minute, missed in ((7, 59, []), (8, 1, [("missed_partition", str(NIGHT))])):
        assert find(replace(waiting, now=datetime(2026, 3, 31, hour, minute, tzinfo=UTC))) == missed


def test_hours_of_many_days_still_miss_partitions() -> None:
    limits = Alerts(missed_after_hours=240)
    facts = replace(CALM, ingested=frozenset({date(2026, 3, 19)}))
    assert list_due(facts, limits, Schedules()) == {date(2026, 3, 20)}


def test_a_night_without_its_hour_is_due_all_the_same() -> None:
    """In Berlin there was no 02:30 on 29 March."""
    due = list_due(CALM, Alerts(), Schedules(ingest="30 2 * * *", timezone="Europe/Berlin"))
    assert {date(2026, 3, 27), date(2026, 3, 28), date(2026, 3, 29)} <= due


def test_a_schedule_without_weekends_misses_no_weekend() -> None:
    due = list_due(CALM, Alerts(), Schedules(ingest="0 2 * * 1-5"))
    # Saturday's and Sunday's ticks would have been for Friday and Saturday.
    assert not {date(2026, 3, 27), date(2026, 3, 28)} & due and date(2026, 3, 26) in due


def test_nights_before_the_first_champion_and_of_unused_pipelines_are_not_missed() -> None:
    young = replace(CALM, champion_since=datetime(2026, 3, 31, 3, 0, tzinfo=UTC), scored=frozenset())
    assert find(young) == []
    unused = replace(CALM, ingested=frozenset({date(2011, 5, 1)}), scored=frozenset())
    assert find(unused) == []
    assert find(replace(unused, expected=frozenset({NIGHT}))) == [("missed_partition", str(NIGHT))]


def test_a_missed_partition_stays_open_when_it_is_long_ago() -> None:
    facts = replace(CALM, open=frozenset({("missed_partition", "2026-01-01")}))
    assert find(facts) == [("missed_partition", "2026-01-01")]


def test_a_missed_partition_leads_to_the_dag_that_is_behind() -> None:
    facts = replace(CALM, scored=CALM.scored - {NIGHT}, built=frozenset({NIGHT}))
    assert [alert.dag for alert in find_alerts(facts, Alerts(), Schedules())] == ["score"]


@pytest.mark.parametrize(
    ("kind", "subject", "changes", "said"),
    [
        ("stopped_batch", str(NIGHT), {}, "run again and passed"),
        ("stopped_batch", str(NIGHT), {"failed": frozenset({NIGHT})}, "still has no scores"),
        ("missed_partition", str(NIGHT), {}, "Its scores are there"),
        ("missed_partition", "2026-03-01", {}, "stopped by validation"),
        ("drift", "version 2", {"drift": Drifted(NIGHT, 2, False, "0 of 4 moved")}, "No drift up to 2026-03-30"),
        ("drift", "version 2", {"drift": Drifted(NIGHT, 2, None, "empty")}, "unknown now: empty"),
        ("drift", "version 1", {"drift": Drifted(NIGHT, 1, True, "x")}, "Version 2 is the champion now"),
        ("failed_gate", "version 3", {}, "Version 2 is the champion now"),
        ("stale_champion", "version 1", {}, "Version 2 is the champion now"),
    ],
)
def test_a_recovery_says_how_it_came(kind: str, subject: str, changes: dict[str, object], said: str) -> None:
    assert said in explain_recovery(kind, subject, replace(CALM, **changes))


def test_messages_escape_what_data_say() -> None:
    assert "a &lt; b &amp; c" in write_slack(MESSAGE) and "a &lt; b &amp; c" in write_html(MESSAGE)
    assert make_payload(MESSAGE)["why"] == "a < b & c"


def test_a_title_is_one_line() -> None:
    """It becomes the header of a mail."""
    assert replace(MESSAGE, subject="a\r\nBcc: all@example.org").title == "shops: drift (a Bcc: all@example.org)"


def test_a_recovery_leads_with_how_it_stands_now() -> None:
    message = replace(MESSAGE, state="recovered", recovery="No drift.")
    assert message.title.startswith("Recovered: ")
    assert write_slack(message).splitlines()[1] == "*Now:* No drift."
    assert make_payload(message)["state"] == "recovered"


def test_an_extreme_column_is_an_alert_even_where_there_is_no_drift() -> None:
    facts = replace(CALM, drift=Drifted(NIGHT, 2, False, "1 of 9 columns moved", (), 9, ("spent",)))
    assert find(facts) == [("extreme", "spent")]
    assert find(replace(facts, champion=3)) == []


def test_many_extreme_columns_are_one_alert() -> None:
    names = tuple(f"column {number}" for number in range(20))
    assert find(replace(CALM, drift=Drifted(NIGHT, 2, False, "20 moved", (), 20, names))) == [("extreme", "version 2")]
