"""The container files agree with the local stack, publish nothing beyond loopback, and hold no password."""

import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from nightshift.config.airflow.connection_text import parse_connection
from nightshift.config.airflow.connections import LAKE, WAREHOUSE
from nightshift.local.airflow import PRELOADED, TELEMETRY_OFF, THREADS

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE_TEXT = (ROOT / "docker-compose.yaml").read_text()
COMPOSE = yaml.safe_load(COMPOSE_TEXT)
EXAMPLE = (ROOT / ".env.example").read_text()
REQUIRED = set(re.findall(r"\$\{(\w+):\?", COMPOSE_TEXT))
AIRFLOW_SERVICES = ("airflow-init", "api-server", "scheduler", "worker", "dag-processor", "triggerer")
# Those that read and write the warehouse and the lake.
CONNECTED = ("airflow-init", "api-server", "worker", "triggerer")
MAKE_ENV = ROOT / "deploy" / "compose" / "make_env.sh"


def fill(text: str, values: dict[str, str]) -> str:
    """`text` as Compose interpolates it."""
    return re.sub(r"\$\{(\w+)(?::[?-]([^}]*))?\}", lambda match: values.get(match[1], match[2] or ""), text)


def test_the_image_preloads_what_the_local_stack_preloads() -> None:
    """One list, in two places that can't share it."""
    written = re.search(r'MP_FORKSERVER_PRELOAD="(.*?)"', DOCKERFILE, re.DOTALL)
    assert written and tuple(re.sub(r"[\\\s]", "", written[1]).split(",")) == PRELOADED


@pytest.mark.parametrize(("name", "value"), {**TELEMETRY_OFF, **THREADS}.items())
def test_the_image_sets_what_the_local_stack_sets(name: str, value: str) -> None:
    """Telemetry off, and threads that don't spin."""
    assert f"{name}={value}" in DOCKERFILE


def test_packages_are_installed_by_hash() -> None:
    """From the same pins as everywhere else; what the Dockerfile copies is given to the builder."""
    copied = re.findall(r"^COPY --chown=airflow:0 (.+) \S+$", DOCKERFILE, re.MULTILINE)
    given = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    assert [name for line in copied for name in line.split()] == given
    assert "--require-hashes" in DOCKERFILE
    assert {"requirements.txt", "requirements/celery.txt", "requirements/kubernetes.txt"} <= set(given)


def read_pins(name: str) -> dict[str, str]:
    """Package and version."""
    return dict(re.findall(r"^([\w.-]+)==([^ ]+)", (ROOT / name).read_text(), re.MULTILINE))


@pytest.mark.parametrize("extra", ["celery", "kubernetes"])
def test_an_extra_of_the_image_pins_what_the_rest_pins(extra: str) -> None:
    """Two files that pin one package differently could not be installed together."""
    pins = {**read_pins("requirements/celery.txt"), **read_pins("requirements.txt")}
    more = read_pins(f"requirements/{extra}.txt")
    assert any(name.startswith("apache-airflow-providers-") for name in more.keys() - read_pins("requirements.txt"))
    assert {name: version for name, version in more.items() if pins.get(name, version) != version} == {}


def test_the_file_is_one_by_the_compose_specification() -> None:
    """Its JSON schema comes with check-jsonschema."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*command, str(ROOT / "docker-compose.yaml")], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_every_service_is_pinned_checked_and_has_no_more_rights_than_it_needs(name: str) -> None:
    """No `latest`; a health check unless it runs once; no new privileges; no capabilities, unless it starts as root."""
    service = COMPOSE["services"][name]
    assert re.search(r":(local|v?\d+(\.\d+)+)$", service["image"]), service["image"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert ("healthcheck" in service) != (name == "airflow-init")
    # SeaweedFS's image changes to a user of its own in ways that nobody promises.
    assert service.get("cap_drop") == ["ALL"] or name == "lake"
    assert service.get("read_only") is True or name in ("lake", "postgres")


def test_workers_know_only_what_tasks_need() -> None:
    """Neither Airflow's database nor what signs and encrypts; each of them can be scaled."""
    worker = COMPOSE["services"]["worker"]
    assert not COMPOSE["x-nightshift"].keys() & worker["environment"].keys()
    assert COMPOSE["x-queue"].keys() <= worker["environment"].keys()
    assert not {"container_name", "ports", "hostname"} & worker.keys()


def test_redis_hands_no_task_out_twice_while_it_runs() -> None:
    """Its patience is longer than that of the longest task."""
    code = "".join(path.read_text() for path in (ROOT / "include/nightshift/dags").glob("*.py"))
    hours = [int(found) for found in re.findall(r"execution_timeout=timedelta\(hours=(\d+)\)", code)]
    patience = int(COMPOSE["x-queue"]["AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT"])
    assert hours and max(hours) * 3600 < patience


def test_a_cluster_runs_the_airflow_that_is_pinned_and_takes_its_secrets_from_elsewhere() -> None:
    """As the image does; the values name secrets and hold none."""
    version = read_pins("requirements.txt")["apache-airflow"]
    text = (ROOT / "deploy" / "helm" / "values.yaml").read_text()
    values = yaml.safe_load(text)
    assert values["airflowVersion"] == version and f"FROM apache/airflow:{version}-" in DOCKERFILE
    assert values["executor"] == "KubernetesExecutor"
    assert {"AIRFLOW_CONN_NIGHTSHIFT_WAREHOUSE", "AIRFLOW_CONN_NIGHTSHIFT_LAKE"} == {
        secret["envName"] for secret in values["secret"]
    }
    # The chart's own fields for secrets by value.
    assert not {"fernetKey", "apiSecretKey", "jwtSecret"} & values.keys() and values["data"].keys() == {
        "metadataSecretName"
    }
    assert values["securityContexts"]["containers"]["capabilities"] == {"drop": ["ALL"]}


def test_redis_is_reached_only_by_those_who_use_it() -> None:
    """And has no way out."""
    services = COMPOSE["services"]
    assert {name for name in services if "queue" in services[name].get("networks", ())} == {
        "redis",
        "scheduler",
        "worker",
    }
    assert COMPOSE["networks"]["queue"] == {"internal": True}


def test_every_published_port_is_on_loopback_and_the_lake_publishes_s3_only() -> None:
    """SeaweedFS's other ports ask nobody for a password."""
    published = {name: service["ports"] for name, service in COMPOSE["services"].items() if "ports" in service}
    assert set(published) == {"api-server", "lake"}
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)
    assert [port.rsplit(":", 1)[1] for port in published["lake"]] == ["8333"]


def test_every_secret_comes_from_the_environment_and_has_no_default() -> None:
    """Compose refuses to start without them, and .env.example names each without a value."""
    empty = set(re.findall(r"^(\w+)=$", EXAMPLE, re.MULTILINE))
    assert empty == REQUIRED
    optional = re.findall(r"\$\{(\w+)(?!\w|:\?)", COMPOSE_TEXT)
    assert not [name for name in optional if re.search("PASSWORD|KEY|SECRET", name)]


def test_everything_else_that_can_be_set_is_in_the_example() -> None:
    """As a comment with its default."""
    optional = set(re.findall(r"\$\{(\w+):-", COMPOSE_TEXT))
    assert optional == set(re.findall(r"^# (\w+)=", EXAMPLE, re.MULTILINE))


def test_airflow_waits_for_the_preparations_and_those_for_the_servers() -> None:
    """Nothing runs on a schema or a bucket that is not there yet."""
    services = COMPOSE["services"]
    assert set(services["airflow-init"]["depends_on"]) == {"postgres", "lake"}
    for name in AIRFLOW_SERVICES[1:]:
        assert services[name]["depends_on"]["airflow-init"] == {"condition": "service_completed_successfully"}
        assert services[name]["healthcheck"]["test"]


@pytest.mark.parametrize(("conn_id", "conn_type", "where"), [(WAREHOUSE, "postgres", "host"), (LAKE, "aws", "extra")])
def test_both_connections_can_be_read(conn_id: str, conn_type: str, where: str) -> None:
    """By the code that commands without a scheduler use."""
    values = {name: f"value-of-{name}" for name in REQUIRED}
    for name in CONNECTED:
        written = fill(COMPOSE["services"][name]["environment"][f"AIRFLOW_CONN_{conn_id.upper()}"], values)
        found = parse_connection(conn_id, written)
        assert found.conn_type == conn_type and str(found.password).startswith("value-of-") and getattr(found, where)


def test_the_pool_is_the_one_of_the_settings() -> None:
    """Its name and slots stand in airflow_settings.yaml, too."""
    pools = yaml.safe_load((ROOT / "airflow_settings.yaml").read_text())["airflow"]["pools"]
    commands = " ".join(COMPOSE["services"]["airflow-init"]["command"])
    for pool in pools:
        assert f'airflow pools set {pool["pool_name"]} {pool["pool_slot"]} "{pool["pool_description"]}"' in commands


def make_env(folder: Path) -> dict[str, str]:
    """What make_env.sh leaves in a project's .env."""
    (folder / "deploy" / "compose").mkdir(parents=True, exist_ok=True)
    script = shutil.copy(MAKE_ENV, folder / "deploy" / "compose")
    (folder / ".env.example").write_text(EXAMPLE)
    subprocess.run([script], check=True, capture_output=True, cwd="/")
    assert {path.name for path in folder.iterdir()} == {".env", ".env.example", "deploy"}
    return dict(re.findall(r"^(\w+)=(.+)$", (folder / ".env").read_text(), re.MULTILINE))


def test_make_env_fills_in_every_secret_once(tmp_path: Path) -> None:
    """Readable by its owner only, with passwords that differ; a second call changes nothing."""
    values, written = make_env(tmp_path), tmp_path / ".env"
    content = written.read_text()
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    assert set(values) == REQUIRED and len(set(values.values())) == len(values)
    assert all(re.fullmatch(r"[\w=-]{20,}", value) for value in values.values())
    make_env(tmp_path)
    assert written.read_text() == content


def test_make_env_gives_an_older_file_what_it_lacks(tmp_path: Path) -> None:
    """Its own values and settings stay as they are."""
    (tmp_path / ".env").write_text("ADMIN_PASSWORD=mine\nREDIS_PASSWORD=\nNIGHTSHIFT_PORT=9090")
    values = make_env(tmp_path)
    assert set(values) == {*REQUIRED, "NIGHTSHIFT_PORT"}
    assert (values["ADMIN_PASSWORD"], values["NIGHTSHIFT_PORT"]) == ("mine", "9090")
    assert len(values["REDIS_PASSWORD"]) == 64
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
