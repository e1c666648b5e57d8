"""airflow_settings.yaml: what it says, and everything that is wrong with it."""

from pathlib import Path
from typing import Any

import pytest

from nightshift.config.airflow.connections import LAKE, WAREHOUSE
from nightshift.config.airflow.settings import Pool, Settings, SettingsRefused, load_settings, override_from_environment
from nightshift.errors import NightshiftError

PROJECT = Path(__file__).parents[4]
SECRET = "hunter2-canary"


def load_text(folder: Path, text: str) -> Settings:
    path = folder / "airflow_settings.yaml"
    path.write_text(text)
    return load_settings(path)


def list_problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(SettingsRefused) as refused:
        load_text(folder, text)
    assert SECRET not in str(refused.value)
    return [f"{problem.line}: {problem.field}: {problem.message}" for problem in refused.value.problems]


def test_the_projects_own_file_names_warehouse_lake_and_pool() -> None:
    settings = load_settings(PROJECT / "airflow_settings.yaml")
    assert settings.connections[WAREHOUSE].host == "embedded"
    assert settings.connections[LAKE].extra == {"path": ".nightshift/lake"}
    assert [pool.name for pool in settings.pools] == ["nightshift_heavy"]


def test_connections_pools_and_variables_are_read(tmp_path: Path) -> None:
    settings = load_text(
        tmp_path,
        """
airflow:
  connections:
    - {conn_id: s3, conn_type: aws, conn_login: key, conn_password: word, conn_extra: '{"bucket": "b"}'}
    - {conn_id: db, conn_uri: "postgresql://u:p%2Fw@db.example.com:5433/ware?sslmode=require"}
  pools: [{pool_name: heavy, pool_slot: 3, pool_description: text}]
  variables: [{variable_name: colour, variable_value: blue}]
""",
    )
    s3, db = settings.connections["s3"], settings.connections["db"]
    assert (s3.login, s3.password, s3.extra) == ("key", "word", {"bucket": "b"})
    assert (db.conn_type, db.host, db.port, db.password) == ("postgres", "db.example.com", 5433, "p/w")
    assert (db.schema, db.extra) == ("ware", {"sslmode": "require"})
    assert settings.pools == (Pool("heavy", 3, "text"),)
    assert settings.variables == {"colour": "blue"}


def test_the_astro_clis_empty_fields_are_accepted(tmp_path: Path) -> None:
    text = "airflow: {connections: [{conn_id: x, conn_type: http, conn_host: , conn_port: , conn_extra: }]}"
    assert load_text(tmp_path, text).connections["x"].extra == {}


def test_all_problems_are_named_at_once_with_line_field_and_nearest_name(tmp_path: Path) -> None:
    problems = list_problems(
        tmp_path,
        f"""airflow:
  connections:
    - conn_id: a
      conn_typ: postgres
    - conn_id: b
      conn_type: fs
      conn_port: "55"
      conn_extra: "{SECRET}"
    - conn_id: a
      conn_type: mysql
      conn_host: embedded
  pools:
    - {{pool_name: p, pool_slot: 0}}
  variabels: []
""",
    )
    text = "\n".join(problems)
    assert "4: airflow.connections[0].conn_typ: is not a known key; did you mean 'conn_type'?" in text
    assert "7: airflow.connections[1].conn_port: '55': Input should be a valid integer" in text
    assert "8: airflow.connections[1].conn_extra: (hidden): is neither a mapping nor JSON" in text
    assert "9: airflow.connections[2].conn_id: 'a' appears twice (first: line 3)" in text
    assert "conn_host: embedded is the PostgreSQL that Nightshift starts" in text
    assert "13: airflow.pools[0].pool_slot: 0: Input should be greater than or equal to 1" in text
    assert "14: airflow.variabels: is not a known key; did you mean 'variables'?" in text


@pytest.mark.parametrize(
    "entry",
    [
        f"conn_type: aws, conn_password: [{SECRET}]",
        f"conn_uri: '{SECRET}'",
        f"conn_uri: 'postgres://u:{SECRET}@host:port/db'",
        f"conn_type: aws, conn_extra: '{{{SECRET}'",
    ],
)
def test_no_problem_quotes_a_secret(tmp_path: Path, entry: str) -> None:
    assert list_problems(tmp_path, f"airflow: {{connections: [{{conn_id: x, {entry}}}]}}")


def test_a_missing_file_and_a_file_that_is_no_mapping_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsRefused, match="is missing"):
        load_settings(tmp_path / "nowhere.yaml")
    with pytest.raises(SettingsRefused, match="must be a mapping"):
        load_text(tmp_path, "- 1")


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    settings = load_text(
        tmp_path,
        "airflow: {connections: [{conn_id: My.Lake, conn_type: fs}], variables: [{variable_name: Colour}]}",
    )
    environ = {
        "AIRFLOW_CONN_MY.LAKE": '{"conn_type": "aws", "password": "word", "extra": {"bucket": "b"}}',
        "AIRFLOW_CONN_OTHER": "postgres://u:p@%2Ftmp%2FSocket/db",
        "AIRFLOW_VAR_COLOUR": "red",
        "HOME": "/",
    }
    overridden = override_from_environment(settings, environ)
    assert overridden.connections["My.Lake"].conn_type == "aws"
    assert overridden.connections["My.Lake"].extra == {"bucket": "b"}
    assert overridden.connections["other"].host == "/tmp/Socket"
    assert overridden.variables == {"Colour": "red"}
    assert settings.connections["My.Lake"].conn_type == "fs"


@pytest.mark.parametrize("value", [SECRET, f"{{{SECRET}", f'{{"port": "{SECRET}"}}', f"postgres://u:p@h:{SECRET}/d"])
def test_a_connection_in_the_environment_that_is_none_is_named_and_not_quoted(value: str) -> None:
    with pytest.raises(NightshiftError, match="AIRFLOW_CONN_DB") as refused:
        override_from_environment(Settings({}), {"AIRFLOW_CONN_DB": value})
    assert SECRET not in str(refused.value)


def test_settings_show_no_secret() -> None:
    shown = override_from_environment(
        Settings({}), {"AIRFLOW_CONN_DB": f"postgres://u:{SECRET}@h/d?key={SECRET}", "AIRFLOW_VAR_TOKEN": SECRET}
    )
    assert SECRET not in repr(shown)


def test_the_warehouse_takes_what_the_connection_says_of_encryption() -> None:
    """An sslmode that is passed over in silence would be a connection in the clear."""
    from nightshift.config.airflow.connection_text import parse_connection
    from nightshift.io.warehouse.engine import make_url

    spec = parse_connection("db", "postgres://u:p@db.example.com/ware?sslmode=verify-full&sslrootcert=/ca.pem&other=1")
    assert dict(make_url(spec).query) == {"sslmode": "verify-full", "sslrootcert": "/ca.pem"}


def test_airflow_never_gets_to_know_who_may_change_history(tmp_path: Path) -> None:
    """Its tasks can read every connection that it has."""
    from nightshift.config.airflow.connections import ADMIN, ConnectionSpec
    from nightshift.local.connections import load_into_airflow
    from nightshift.local.paths import Paths
    from nightshift.local.postgres import Server

    class Client:
        def __init__(self) -> None:
            self.stored: list[dict[str, Any]] = []

        def list_connections(self) -> list[dict[str, Any]]:
            return []

        def remove(self, *_: Any) -> None: ...

        def store(self, _: str, entities: list[dict[str, Any]]) -> None:
            self.stored += entities

    names = ("nightshift_warehouse", ADMIN)
    settings = Settings({name: ConnectionSpec(name, "postgres", host="embedded") for name in names})
    client: Any = Client()
    load_into_airflow(Paths(tmp_path, tmp_path), settings, Server("/socket"), client)
    assert [(entity["connection_id"], entity["login"]) for entity in client.stored] == [
        ("nightshift_warehouse", "nightshift_writer")
    ]
