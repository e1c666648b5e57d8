"""200 small pipelines in one Airflow: parse time, the scheduler's loop, memory, and a nightly wave of ingest + score.

`python -m benchmarks.two_hundred_pipelines` writes its section of docs/performance.md. `--wave 20` sends only so
many of the pipelines through the night.
"""

import argparse
import statistics
import time
from datetime import timedelta
from typing import Any

from benchmarks.performance.report import keep_section, write_tables
from benchmarks.stack.site import Site, open_site, wait_until
from benchmarks.stack.small import LEARNED, START, name_pipelines, promote_for_all, write_pipelines

NIGHT = START + timedelta(days=LEARNED)
# extract, validate, build_features, tell; score, publish, tell.
TASKS = 7
DAG_FILES = {"ingest", "score", "train", "drift", "rollback", "quarantine", "maintenance", "refused_pipelines"}
KINDS = 6


def say(line: str) -> None:
    """Progress."""
    print(f"  {line}", flush=True)


def wait_parsed(site: Site, count: int, began: float) -> dict[str, Any]:
    """From the start of the DAG processor until every DAG can be run, and how long each file took."""
    wanted = KINDS * count + 1
    wait_until(lambda: _count_dags(site) >= wanted, 900, f"{wanted} DAGs", every=2.0)
    found = {"all": time.time() - began, "errors": len(site.client.list_import_errors())}
    return found | {"cpu": site.read_cpu("dag-processor")}


def _count_dags(site: Site) -> int:
    return int(site.client.call("GET", "/dags", params={"limit": 1, "exclude_stale": True})["total_entries"])


def read_files(site: Site) -> dict[str, float]:
    """The last parse of each DAG file, in seconds."""
    found = {}
    for _, stat, value in site.read_metric("dag_processing.last_duration"):
        if (name := stat.rpartition(".")[2]) in DAG_FILES:
            found[name] = value
    return found


def measure_loop(site: Site, since: float) -> tuple[float, float, float]:
    """Median, 95th percentile and largest scheduler loop since then, in seconds."""
    loops = sorted(value / 1000 for _, _, value in site.read_metric("scheduler_loop_duration", since))
    return statistics.median(loops), loops[int(len(loops) * 0.95)], loops[-1]


def run_wave(site: Site, names: list[str]) -> float:
    """Start a night of each pipeline at once; seconds until the last one is published."""
    for name in names:
        site.client.unpause(f"{name}_ingest")
    began = time.monotonic()
    for name in names:
        site.client.trigger_run(f"{name}_ingest", str(NIGHT))
    wait_until(lambda: _count_published(site) >= len(names), 60 + 60 * len(names), "the wave", every=1.0)
    return time.monotonic() - began


def _count_published(site: Site) -> int:
    query = "select count(*) from ml.ledger where kind = 'scores' and partition_date = :night"
    return int(site.ask(query, night=NIGHT)[0][0])


def main() -> None:
    """Measure, and write the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pipelines", type=int, default=200)
    parser.add_argument("--wave", type=int, help="so many of them; 0: none; default: all")
    arguments = parser.parse_args()
    names = name_pipelines(arguments.pipelines)
    wave = names[: arguments.wave]
    settings = {"AIRFLOW__DAG_PROCESSOR__PRINT_STATS_INTERVAL": "10"}
    with open_site(
        lambda folder: write_pipelines(folder, names),
        lambda folder, resources: promote_for_all(folder, names, resources),
        settings,
    ) as site:
        parsed = wait_parsed(site, len(names), site.began)
        say(f"{len(names)} pipelines, all DAGs after {parsed['all']:.1f} s, import errors: {parsed['errors']}")
        time.sleep(45)
        idle, files = measure_loop(site, time.time() - 40), read_files(site)
        memory = site.read_memory()
        say(f"files {files}, idle loop {idle}, memory {memory}")
        start = time.time()
        seconds = run_wave(site, wave) if wave else 0.0
        busy = measure_loop(site, start) if wave else idle
        memory = {name: max(value, memory.get(name, 0)) for name, value in site.read_memory().items()}
        say(f"wave of {len(wave)}: {seconds:.0f} s, busy loop {busy}")
    facts = {
        "all DAGs there after the DAG processor's start": f"{parsed['all']:.1f} s",
        "CPU of the DAG processor by then": f"{parsed['cpu']:.0f} s",
        "import errors": parsed["errors"],
        "slowest DAG file": f"{max(files.values()):.1f} s",
        "all DAG files, one after the other": f"{sum(files.values()):.1f} s",
        "scheduler loop at rest: median, 95th percentile": f"{idle[0]:.2f} s, {idle[1]:.2f} s",
        "scheduler loop in the wave: median, 95th percentile, largest": ", ".join(f"{value:.2f} s" for value in busy),
        "memory of scheduler with its tasks' parent, DAG processor": f"{memory['scheduler']}, "
        f"{memory['dag-processor']} MiB",
        f"a wave of {len(wave)} nights (ingest and score, {TASKS} tasks each)": f"{seconds:.0f} s",
        "tasks a minute": f"{60 * TASKS * len(wave) / seconds:.0f}" if wave else "",
    }
    keep_section("pipelines", {"pipelines": len(names), "files": files, "facts": facts})
    write_tables()


if __name__ == "__main__":
    main()
