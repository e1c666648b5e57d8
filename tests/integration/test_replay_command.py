"""`bin/nightshift replay`: the loop over history, in a house of its own."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from nightshift import cli
from nightshift.commands import replay as command
from nightshift.config.pipeline import PipelineConfig
from nightshift.io.resources import Resources
from nightshift.steps.outcome import Outcome
from nightshift.steps.replay import history
from tests.integration.kit import LEARNING, NIGHTS, PIPELINE, draw_rows, make_config

FIRST, LAST = NIGHTS[6], NIGHTS[12]
SHIFTED_FROM, MISSING = NIGHTS[8], NIGHTS[10]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Seven nights under three policies; from the third on the inputs have moved, and one night has no file."""
    folder = tmp_path_factory.mktemp("replay")
    config = make_config(folder)
    for night in NIGHTS[:13]:
        if night != MISSING:
            rows = draw_rows(night, shift=60.0 if night >= SHIFTED_FROM else 0.0)
            rows.to_csv(folder / "data" / f"{night}.csv", index=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "load_named_pipeline", lambda name: config)
        report, page, kept = folder / "report.json", folder / "page.html", folder / "kept"
        arguments = ["replay", PIPELINE, "--from", str(FIRST), "--to", str(LAST), "--keep", str(kept)]
        policies = [part for name in ("nightshift", "never", "always") for part in ("--policy", name)]
        code = cli.main([*arguments, *policies, "--report", str(report), "--html", str(page)])
        ingested: list[date] = []

        def refuse(config: PipelineConfig, resources: Resources, day: date, report: object) -> Outcome:
            ingested.append(day)
            return Outcome("stopped", "there is no file")

        patch.setattr(history, "run_ingest", refuse)
        again = cli.main([*arguments, "--policy", "never", "--report", str(folder / "again.json")])
    yield {
        "code": code,
        "report": json.loads(report.read_text()),
        "page": page.read_text(),
        "again": (again, ingested, json.loads((folder / "again.json").read_text())),
    }


def find_policy(told: dict[str, Any], policy: str) -> dict[str, Any]:
    report: dict[str, Any] = told["report"]
    return next(one for one in (report, *report["compared"]) if one["policy"] == policy)


def test_every_night_has_its_metric_drift_decision_and_champion(told: dict[str, Any]) -> None:
    assert told["code"] == 0
    nights = {night["date"]: night for night in find_policy(told, "nightshift")["nights"]}
    assert list(nights) == [str(night) for night in NIGHTS[6:13]]
    calm, moved = nights[str(NIGHTS[7])], nights[str(SHIFTED_FROM)]
    assert (calm["drifted"], calm["decision"], calm["champion"]) == (False, "wait", 1)
    assert moved["drifted"] is True
    assert "spent" in moved["drift_reason"]
    assert 0.5 < calm["metric"] < 1
    assert calm["rows"] == 120


def test_never_keeps_its_model_and_always_trains_on_every_scored_night(told: dict[str, Any]) -> None:
    never, always = find_policy(told, "never"), find_policy(told, "always")
    assert never["summary"]["trainings"] == 0
    assert {night["champion"] for night in never["nights"]} == {1, None}
    assert always["summary"]["trainings"] == 6
    versions = [night["trained"]["version"] for night in always["nights"] if night["trained"]]
    assert versions == sorted(versions)


def test_the_policy_trained_where_it_decided_to_and_nowhere_else(told: dict[str, Any]) -> None:
    ours = find_policy(told, "nightshift")
    asked = [night["date"] for night in ours["nights"] if night["decision"] == "retrain"]
    assert asked
    assert min(asked) >= str(SHIFTED_FROM)
    assert asked == [night["date"] for night in ours["nights"] if night["trained"]]
    assert ours["summary"]["trainings"] == len(asked)


def test_the_sum_is_that_of_the_nights(told: dict[str, Any]) -> None:
    never = find_policy(told, "never")
    measured = [(night["metric"], night["rows"]) for night in never["nights"] if night["metric"] is not None]
    mean = sum(value * rows for value, rows in measured) / sum(rows for _, rows in measured)
    assert never["summary"]["metric"] == pytest.approx(mean)
    assert never["summary"]["scored_rows"] == 6 * 120


def test_a_night_without_data_is_told_and_passed_over(told: dict[str, Any]) -> None:
    (night,) = [night for night in told["report"]["nights"] if night["date"] == str(MISSING)]
    assert (night["metric"], night["champion"], night["decision"]) == (None, None, "none")
    assert f"{MISSING}.csv" in night["problem"]


def test_the_page_shows_the_policies(told: dict[str, Any]) -> None:
    assert "<svg" in told["page"]
    assert "always" in told["page"]


def test_what_was_kept_is_not_ingested_again(told: dict[str, Any]) -> None:
    code, ingested, report = told["again"]
    assert (code, ingested) == (0, [MISSING])
    assert report["summary"]["metric"] == find_policy(told, "never")["summary"]["metric"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--from", "2026-01-07", "--to", "2026-01-06"], "is before"),
        (["--from", "2026-01-01", "--to", "2026-01-06"], "nothing can be learnt"),
        (["--from", "2026-01-07", "--to", "2026-01-08", "--report", "nowhere/x.json"], "does not exist"),
    ],
)
def test_what_can_not_be_replayed_is_one_clear_message(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = make_config(tmp_path)
    monkeypatch.setattr(command, "load_named_pipeline", lambda name: config)
    assert cli.main(["replay", PIPELINE, *arguments]) == 1
    assert said in capsys.readouterr().err


def test_a_refused_first_model_is_told_before_the_replayed_days_are_ingested_and_starts_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = make_config(tmp_path, **{"gate.floor": 0.9999})
    for night in NIGHTS[:8]:
        draw_rows(night).to_csv(tmp_path / "data" / f"{night}.csv", index=False)
    monkeypatch.setattr(command, "load_named_pipeline", lambda name: config)
    report = tmp_path / "report.json"
    span = ["--from", str(NIGHTS[6]), "--to", str(NIGHTS[7])]
    assert cli.main(["replay", PIPELINE, *span, "--report", str(report)]) == 0
    told = capsys.readouterr().err
    assert told.index("the gate refused the first model") < told.index(f"ingest: 8 of 8  {NIGHTS[7]}")
    assert str(LEARNING[0]) in told
    replayed = json.loads(report.read_text())
    assert [night["champion"] for night in replayed["nights"]] == [1, 1]
    assert "0.9999" in replayed["first_refused"]


def test_without_any_model_to_start_with_it_says_what_to_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = make_config(tmp_path)
    draw_rows(NIGHTS[7]).to_csv(tmp_path / "data" / f"{NIGHTS[7]}.csv", index=False)
    monkeypatch.setattr(command, "load_named_pipeline", lambda name: config)
    assert cli.main(["replay", PIPELINE, "--from", str(NIGHTS[6]), "--to", str(NIGHTS[7])]) == 1
    error = capsys.readouterr().err
    assert "no model to start with" in error
    assert "--train-from" in error
