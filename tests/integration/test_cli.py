"""The `nightshift` command, as people and scripts use it: exit codes, messages, and what stands on stdout."""

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nightshift import cli
from nightshift.config.pipeline_folders import PIPELINES_FOLDER
from nightshift.config.project import IMPORT_PATH
from nightshift.io.sources.fetching.address import find_data, resolve_path
from nightshift.local.paths import Paths
from nightshift.local.postgres import Server
from tests.integration.conftest import execute

NIGHT = "2026-03-01"
REAL = {
    "flights": ("2017-06-01", "nyc_flights_2017/flights.csv.gz"),
    "bikes": ("2011-06-01", "bike_sharing_dc/hour.csv.gz"),
    "metro": ("2016-06-01", "metro_traffic_i94/metro_traffic.csv.gz"),
}


@dataclass(frozen=True)
class Answer:
    """What a command left: exit code, stdout and stderr."""

    code: int
    out: str
    err: str

    @property
    def summary(self) -> dict[str, Any]:
        """The last line of stdout."""
        found: dict[str, Any] = json.loads(self.out.splitlines()[-1])
        return found

    @property
    def rows(self) -> list[list[str]]:
        """The header and the rows of a CSV."""
        return list(csv.reader(io.StringIO(self.out)))


Nightshift = Callable[..., Answer]


@pytest.fixture
def home(house_paths: Paths, server: Server, migrated: str, monkeypatch: pytest.MonkeyPatch) -> Paths:
    """The state folder that the command finds; its warehouse is empty."""
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(house_paths.home))
    execute(server, "drop database warehouse with (force)")
    execute(server, f"create database warehouse template {migrated}")
    return house_paths


@pytest.fixture
def nightshift(home: Paths, capfd: pytest.CaptureFixture[str]) -> Nightshift:
    """Runs a command in this process."""

    def run(*arguments: str) -> Answer:
        capfd.readouterr()
        try:
            code = cli.main(arguments)
        except SystemExit as stop:  # argparse
            code = int(stop.code or 0)
        captured = capfd.readouterr()
        return Answer(code, captured.out, captured.err)

    return run


def run_outside(home: Paths, *arguments: str) -> Answer:
    """Runs a command as a process of its own, in another folder."""
    environ = {**os.environ, "PYTHONPATH": str(IMPORT_PATH), "NIGHTSHIFT_HOME": str(home.home)}
    command = [sys.executable, "-P", "-m", "nightshift.cli", *arguments]
    done = subprocess.run(command, check=False, env=environ, cwd="/", capture_output=True, text=True, timeout=120)
    return Answer(done.returncode, done.stdout, done.stderr)


def test_a_run_ends_with_a_summary_in_json_and_nothing_else_on_stdout(home: Paths) -> None:
    answer = run_outside(home, "run", "churn", "ingest", "--partition", NIGHT, "--set", "subscribers=600")
    assert (answer.code, len(answer.out.splitlines())) == (0, 1)
    assert {key: answer.summary[key] for key in ("pipeline", "run", "partition", "status", "quarantined")} == {
        "pipeline": "churn", "run": "ingest", "partition": NIGHT, "status": "done", "quarantined": 9,
    }  # fmt: skip
    assert "build_features: done" in answer.err


def test_a_stopped_run_is_a_failure_with_a_reason_on_one_line(home: Paths) -> None:
    answer = run_outside(home, "run", "churn", "ingest", "--partition", NIGHT, "--set", "scenario=bad_batch")
    assert answer.code == 1
    assert answer.summary["status"] == "stopped"
    assert "monthly_charge" in answer.summary["reason"]
    assert "Traceback" not in answer.err
    assert answer.err.splitlines()[-1] == f"nightshift: {answer.summary['reason']}"


def test_three_nights_a_training_and_a_scored_night(nightshift: Nightshift) -> None:
    few = ("--set", "subscribers=2500")
    assert nightshift("run", "churn", "ingest", "--from", NIGHT, "--to", "2026-03-04", *few).code == 0
    trained = nightshift("run", "churn", "train", "--set", "train_to=2026-03-03", "--set", "reason=because")
    assert (trained.code, trained.summary["version"], trained.summary["promoted"]) == (0, 1, True)
    for _ in range(2):
        scored = nightshift("run", "churn", "score", "--partition", "2026-03-04")
        assert (scored.code, scored.summary["status"], scored.summary["model_version"]) == (0, "done", 1)
        counted = nightshift("sql", "select count(*), count(distinct scored_at) from scores.churn_latest;")
        assert counted.rows == [["count", "count"], [str(scored.summary["rows"]), "1"]]
    reason = nightshift("sql", "select reason from ml.promotions -- why").rows[1][0]
    assert reason.startswith("because; ")
    status = nightshift("status", "churn").out
    assert "version 1" in status
    assert f"2026-03-04, {scored.summary['rows']:,} rows" in status
    drift = nightshift("run", "churn", "drift")
    assert (drift.code, drift.summary["drifted"], drift.summary["decision"]) == (0, False, "wait")


def test_scoring_without_a_champion_is_skipped_and_no_failure(nightshift: Nightshift) -> None:
    answer = nightshift("run", "churn", "score", "--partition", NIGHT)
    assert (answer.code, answer.summary["status"]) == (0, "skipped")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "flihgts", "ingest"), "did you mean 'flights'?"),
        (("run", "nothing_like_it", "ingest"), "there are: bikes, churn, flights, metro"),
        (("run", "churn", "ingest", "--set", "scenaro=calm"), "did you mean 'scenario'?"),
        (("run", "flights", "ingest", "--set", "scenario=calm"), "--set scenario=… is not known"),
        (("run", "churn", "ingest", "--partition", NIGHT, "--set", "subscribers=many"), "subscribers"),
        (("run", "churn", "score", "--set", "version=best"), "is not the number of a model version"),
        (("run", "churn", "train"), "has no partition yet"),
        (("run", "churn", "train", "--set", "train_to=yesterday"), "is not a date; write it as"),
        (("run", "churn", "ingest", "--from", NIGHT), "give both --from and --to"),
        (("run", "churn", "ingest", "--partition", "2025-12-31"), "before the first one"),
        (("check", "chrun"), "did you mean 'churn'?"),
        (("status", "churm"), "did you mean 'churn'?"),
    ],
)
def test_a_mistake_is_one_message_that_helps(nightshift: Nightshift, arguments: tuple[str, ...], message: str) -> None:
    answer = nightshift(*arguments)
    assert answer.code != 0
    assert message in answer.err
    assert "Traceback" not in answer.err


def test_sql_gives_csv_with_a_header(nightshift: Nightshift) -> None:
    answer = nightshift("sql", "select 'a,b' as x, null as nothing, '' as empty, 1.5 as number, true as yes")
    assert answer.code == 0
    assert answer.out == 'x,nothing,empty,number,yes\n"a,b",,"",1.5,t\n'
    assert nightshift("sql", "select version from ml.champions").out == "version\n"


def test_sql_shows_what_an_analyst_may_see(nightshift: Nightshift) -> None:
    assert nightshift("sql", "--as", "analyst", "select 1 as one from monitoring.alerts").out == "one\n"
    assert "permission denied" in nightshift("sql", "--as", "analyst", "select version from ml.champions").err


def test_sql_gives_a_spreadsheet_no_formula(nightshift: Nightshift) -> None:
    query = "select '=1+1' as \"@a\", -1.5 as b, '-2+3' as c, null as d"
    assert nightshift("sql", query).out == "'@a,b,c,d\n'=1+1,-1.5,'-2+3,\n"
    assert nightshift("sql", "--raw", query).out == "@a,b,c,d\n=1+1,-1.5,-2+3,\n"


@pytest.mark.parametrize(
    "query",
    [
        "delete from ml.champions",
        "with gone as (delete from monitoring.validation returning 1) select * from gone",
        "select 1) to stdout; commit; delete from monitoring.validation; copy (select 1",
        "select 1; commit; delete from monitoring.validation",
        "select 1) to program 'touch {sentinel}' --",
        "select pg_read_file('PG_VERSION')",
        "select set_config('role', 'postgres', false)",
        "select lo_import('/etc/hostname')",
        "drop table monitoring.validation",
        "select nonsense from nowhere",
        "",
    ],
)
def test_sql_refuses_to_write_and_to_run_anything(nightshift: Nightshift, tmp_path: Path, query: str) -> None:
    nightshift("run", "churn", "ingest", "--partition", NIGHT, "--set", "scenario=bad_batch")
    tmp_path.chmod(0o777)
    answer = nightshift("sql", query.format(sentinel=tmp_path / "sentinel"))
    assert nightshift("sql", "select count(*) from monitoring.validation").rows == [["count"], ["1"]]
    assert not (tmp_path / "sentinel").exists()
    assert answer.code == 1
    assert answer.err.startswith("nightshift: the query was refused")


def test_status_on_an_empty_warehouse_lists_every_pipeline(nightshift: Nightshift) -> None:
    answer = nightshift("status")
    assert answer.code == 0
    lines = answer.out.splitlines()
    assert [line.split()[0] for line in lines] == ["pipeline", "bikes", "churn", "flights", "metro"]
    assert all("none yet" in line for line in lines[1:])


def test_status_migrates_a_warehouse_that_has_no_tables_yet(nightshift: Nightshift, server: Server) -> None:
    execute(server, "drop database warehouse with (force)")
    answer = nightshift("status", "churn")
    assert (answer.code, "none yet" in answer.out) == (0, True)


def test_check_passes_the_pipelines_that_come_with_nightshift(nightshift: Nightshift) -> None:
    answer = nightshift("check")
    assert answer.code == 0, answer.out
    assert [line.partition(":")[0] for line in answer.out.splitlines()] == ["bikes", "churn", "flights", "metro"]


def test_check_names_every_problem_of_a_broken_pipeline_and_judges_the_others(
    nightshift: Nightshift, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("churn", "broken"):
        folder = tmp_path / name
        folder.mkdir()
        for file in (PIPELINES_FOLDER / "churn").glob("*.*"):
            (folder / file.name).write_bytes(file.read_bytes())
    spec = tmp_path / "broken" / "pipeline.yaml"
    spec.write_text(spec.read_text().replace("floor: 0.65", "flor: 0.65").replace("trials: 5", "trials: many"))
    monkeypatch.setenv("NIGHTSHIFT_PIPELINES", str(tmp_path))
    answer = nightshift("check")
    assert answer.code == 1
    assert "flor" in answer.out
    assert "floor" in answer.out
    assert "training.trials" in answer.out
    assert "churn: ok" in answer.out


@pytest.mark.parametrize("name", REAL)
def test_a_real_night_comes_in_twice_with_the_same_rows(nightshift: Nightshift, name: str) -> None:
    night, file = REAL[name]
    if not (resolve_path(find_data()) / file).exists():
        pytest.skip(f"no real data: {file} is not below NIGHTSHIFT_DATA")
    query = f"select kind, rows, sha256 from ml.ledger where pipeline = '{name}' order by kind"
    found = []
    for _ in range(2):
        answer = nightshift("run", name, "ingest", "--partition", night)
        assert (answer.code, answer.summary["status"]) == (0, "done"), answer.err
        found.append(nightshift("sql", query).rows)
    assert found[0] == found[1]
    assert {"raw", "features"} <= {kind for kind, *_ in found[0][1:]}
    assert nightshift("run", name, "score", "--partition", night).summary["status"] == "skipped"


def test_a_pipeline_without_its_data_says_so_and_the_others_work(
    nightshift: Nightshift, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTSHIFT_DATA", str(tmp_path / "nowhere"))
    answer = nightshift("run", "flights", "ingest", "--partition", "2017-06-01")
    assert (answer.code, answer.summary["status"]) == (1, "failed")
    assert "NIGHTSHIFT_DATA" in answer.summary["reason"]
    status = nightshift("status")
    assert status.code == 0
    assert status.out.count("no data") == 3
    assert nightshift("run", "churn", "ingest", "--partition", NIGHT, "--set", "subscribers=600").code == 0


def test_a_database_that_is_down_is_one_message(home: Paths, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_NIGHTSHIFT_WAREHOUSE", "postgresql://me:hidden@127.0.0.1:1/warehouse")
    answer = run_outside(home, "run", "churn", "ingest", "--partition", NIGHT)
    assert answer.code == 1
    assert "does not answer" in answer.err
    assert "Traceback" not in answer.err
    assert "hidden" not in answer.err


def test_a_database_that_is_down_is_one_message_and_a_summary_without_the_password(
    nightshift: Nightshift, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_NIGHTSHIFT_WAREHOUSE", "postgresql://me:canary@127.0.0.1:1/warehouse")
    answer = nightshift("run", "churn", "ingest", "--partition", NIGHT)
    assert answer.code == 1
    assert answer.summary["status"] == "failed"
    assert "The warehouse does not answer" in answer.summary["reason"]
    assert "canary" not in answer.out + answer.err
    assert len(answer.err.splitlines()) == 1


def test_a_day_has_one_spelling(nightshift: Nightshift) -> None:
    for text in ("2026-3-1", "20260301", "2026-02-30"):
        answer = nightshift("run", "churn", "ingest", "--partition", text)
        assert answer.code == 2
        assert "is not a date; write it as 2026-11-20" in answer.err


def test_maintenance_answers_to_its_name_in_0_1_which_no_help_shows() -> None:
    parser = cli.make_parser()
    assert vars(parser.parse_args(["maintain", "--apply"])) == vars(parser.parse_args(["maintenance", "--apply"]))
    assert "maintenance" in parser.format_help() and "maintain " not in parser.format_help()
