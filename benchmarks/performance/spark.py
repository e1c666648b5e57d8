"""Spark `local[2]`: mapInPandas and JDBC, in a venv of its own, in a fresh JVM each round.

It needs Java, and PostgreSQL's JDBC driver: $POSTGRES_JDBC, Debian's libpostgresql-jdbc-java where it is installed, or
that package fetched by apt-get and unpacked beside the venv. Where something lacks, the row says what.
"""

import json
import os
import secrets
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import text

from benchmarks.performance.house import Bench, Prepared, ask
from nightshift.config.environment import THREADS
from nightshift.config.project import PROJECT_ROOT
from nightshift.local.postgres import PORT, find_server_process, start_postgres, stop_postgres
from nightshift.local.postgres_files import find_binaries, find_system_user, make_environ
from nightshift.local.processes import start_detached

PEERS = PROJECT_ROOT / ".nightshift" / "peers"
REQUIREMENTS = PROJECT_ROOT / "benchmarks" / "requirements-peers.txt"
DEBIAN_JAR, DEBIAN_PACKAGE = Path("/usr/share/java/postgresql.jar"), "libpostgresql-jdbc-java"
# An address of its own on the loopback interface, so that no other server's port is in the way.
ADDRESS, LOGIN = "127.73.19.5", "bench_spark"
WARM_RUNS = 2
# Nights of the rounds lie closer together.
A_RUN_LATER = timedelta(days=100)


class NotMeasured(Exception):
    """What lacks for this peer."""


@dataclass(frozen=True)
class Spark:
    """A way to run it."""

    python: Path
    jar: Path
    password: str


def open_spark(bench: Bench, say: Callable[[str], None]) -> Spark:
    """Install what lacks and let the server listen on loopback; NotMeasured where that can't be."""
    if shutil.which("java") is None:
        raise NotMeasured("not measured here: no Java")
    if sys.platform != "linux":
        raise NotMeasured("not measured here: needs Linux")
    python = _install(say)
    jar = _find_driver(say)
    return Spark(python, jar, _listen(bench))


def _install(say: Callable[[str], None]) -> Path:
    """The venv of the pinned requirements; scikit-learn, pandas and pyarrow are the project's own, by a path file."""
    python, stamp = PEERS / "venv" / "bin" / "python", PEERS / "installed.txt"
    wanted = REQUIREMENTS.read_text()
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return python
    say("installing pyspark into .nightshift/peers")
    shutil.rmtree(PEERS / "venv", ignore_errors=True)
    commands = [
        [sys.executable, "-m", "venv", str(PEERS / "venv")],
        [str(python), "-m", "pip", "install", "--quiet", "--require-hashes", "--no-deps", "-r", str(REQUIREMENTS)],
    ]
    for command in commands:
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            raise NotMeasured(f"not measured here: pyspark can't be installed ({done.stderr.strip()[-200:]})")
    purelib = next((PEERS / "venv" / "lib").glob("python*/site-packages"))
    (purelib / "project.pth").write_text(f"{sysconfig.get_paths()['purelib']}\n{PROJECT_ROOT}\n")
    stamp.write_text(wanted)
    return python


def _find_driver(say: Callable[[str], None]) -> Path:
    for jar in (Path(os.environ.get("POSTGRES_JDBC", "")), DEBIAN_JAR, PEERS / "jdbc" / DEBIAN_JAR.relative_to("/")):
        if jar.is_file():
            return jar
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise NotMeasured("not measured here: no JDBC driver; set POSTGRES_JDBC to PostgreSQL's jar")
    say(f"fetching {DEBIAN_PACKAGE}")
    folder = PEERS / "jdbc"
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["apt-get", "download", "-qq", DEBIAN_PACKAGE], check=False, cwd=folder, capture_output=True)
    for package in folder.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", str(package), str(folder)], check=True)
    jar = folder / DEBIAN_JAR.relative_to("/")
    if not jar.is_file():
        raise NotMeasured(f"not measured here: no JDBC driver (apt-get download {DEBIAN_PACKAGE} failed)")
    return jar


def _listen(bench: Bench) -> str:
    """Start the benchmark's server again, on loopback too, with a login for Spark; its password."""
    password = secrets.token_urlsafe(24)
    with bench.resources.warehouse.begin() as connection:
        # Debian's driver has no SCRAM without further jars.
        connection.execute(text("set local password_encryption = 'md5'"))
        connection.execute(text(f"create role {LOGIN} login password '{password}'"))
        connection.execute(text(f"create schema {LOGIN} authorization {LOGIN}"))
    bench.resources.warehouse.engine.dispose()
    rules = bench.paths.postgres / "pg_hba.conf"
    rules.write_text(
        f"local all all trust\nhost warehouse {LOGIN} {ADDRESS}/32 md5\nhost warehouse {LOGIN} 127.0.0.1/32 md5\n"
    )
    server = find_server_process(bench.paths)
    command = Path(f"/proc/{server.pid}/cmdline").read_text().split("\0")[:-1] if server else []
    options = [f"listen_addresses={ADDRESS}" if part.startswith("listen_addresses=") else part for part in command]
    if f"listen_addresses={ADDRESS}" not in options:
        raise NotMeasured("not measured here: the server can't be started again on loopback")
    stop_postgres(bench.paths)
    options[0] = str(find_binaries() / "postgres")
    log = bench.paths.logs / "postgres.log"
    start_detached("postgres", options, make_environ(), log, Path("/"), find_system_user())
    for _ in range(200):
        if find_server_process(bench.paths):
            break
        time.sleep(0.05)
    start_postgres(bench.paths)
    return password


def run_spark(bench: Bench, spark: Spark, prepared: Prepared, warm_runs: int = WARM_RUNS) -> dict[str, float]:
    """Seconds of `cold` (from nothing to visible rows, with the JVM's start) and `warm` (the last run of that JVM).

    Each run appends a night of its own, with the same features.
    """
    nights = [str(prepared.night + number * A_RUN_LATER) for number in range(1 + warm_runs)]
    table = f"{LOGIN}.{prepared.config.name}"
    job = {
        "features": str(prepared.features),
        "model": str(prepared.model),
        "nights": nights,
        "url": f"jdbc:postgresql://{ADDRESS}:{PORT}/warehouse?reWriteBatchedInserts=true",
        "table": table,
        "login": LOGIN,
        "batch_rows": prepared.config.spec.scoring.batch_rows,
        "jar": str(spark.jar),
    }
    environ = {**os.environ, **THREADS, "SPARK_LOCAL_IP": "127.0.0.1", "BENCH_PASSWORD": spark.password}
    environ |= {"PYSPARK_PYTHON": str(spark.python), "OMP_NUM_THREADS": "1"}
    start = time.time()
    command = [str(spark.python), "-W", "ignore", str(Path(__file__).with_name("spark_peer.py")), json.dumps(job)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environ, cwd=PEERS)
    if done.returncode:
        raise NotMeasured(f"not measured here: Spark failed: {done.stderr.strip()[-400:]}")
    ends = json.loads(done.stdout.splitlines()[-1])
    query = f"select count(*) from {table} where partition_date::text = any(:nights)"
    written = ask(bench.resources, query, nights=nights)[0][0]
    if written != prepared.rows * len(nights):
        raise NotMeasured(f"not measured here: Spark wrote {written} rows")
    cold = {"cold": ends[0] - start}
    return cold | {"warm": ends[-1] - ends[-2]} if warm_runs else cold
