"""200 small pipelines in one Airflow: parse time, the scheduler's loop, memory, and a nightly wave of ingest + score.

`python -m benchmarks.two_hundred_pipelines` writes its section of docs/reference/performance.md, or with
`--print` only prints it.
`--wave 20` sends only so many of the pipelines through the night. It tells what it does, gives up after a while, and
leaves nothing behind.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from benchmarks.performance.report import describe_machine, keep_section, write_tables
from benchmarks.stack.site import Site, open_site
from benchmarks.stack.small import LEARNED, START, name_pipelines, promote_for_all, write_pipelines

NIGHT = START + timedelta(days=LEARNED)
# extract, validate, build_features, notify; score, publish, notify.
TASKS = 7
DAG_FILES = {"ingest", "score", "train", "drift", "rollback", "quarantine", "maintenance", "refused_pipelines"}
KINDS = 6
PARSE_SECONDS, RESTART_BACKOFF_SECONDS, NIGHT_SECONDS = 900.0, 45.0, 30.0
BEGAN = time.monotonic()
Loop = tuple[float, float, float]


def say(line: str) -> None:
    """Progress, on standard error: with the seconds since the start."""
    print(f"  {time.monotonic() - BEGAN:5.0f} s  {line}", file=sys.stderr, flush=True)


def watch(count: Callable[[], int], wanted: int, seconds: float, what: str) -> int:
    """Look every second until there are as many as wanted, or for so long; how many there are then."""
    start = told = time.monotonic()
    while (found := count()) < wanted and time.monotonic() - start < seconds:
        if time.monotonic() - told > 15:
            told = time.monotonic()
            say(f"{found} of {wanted} {what}")
        time.sleep(1)
    return found


def wait_parsed(site: Site, count: int) -> dict[str, Any]:
    """From the start of the stack's processes until every DAG can be run; CPU of the DAG processor by then."""
    wanted = KINDS * count + 1
    found = watch(lambda: _count_dags(site), wanted, PARSE_SECONDS, "DAGs")
    seconds, (manager, readers) = time.time() - site.began, site.read_cpu("dag-processor")
    if found < wanted:
        raise TimeoutError(f"{found} of {wanted} DAGs after {seconds:.0f} s")
    errors = len(site.client.list_import_errors())
    return {"all": seconds, "errors": errors, "manager": manager, "readers": readers}


def _count_dags(site: Site) -> int:
    return int(site.client.call("GET", "/dags", params={"limit": 1, "exclude_stale": True})["total_entries"])


def read_files(site: Site) -> dict[str, float]:
    """The last parse of each DAG file, in seconds."""
    found = {}
    for _, stat, value in site.read_metric("dag_processing.last_duration"):
        if (name := stat.rpartition(".")[2]) in DAG_FILES:
            found[name] = round(value, 2)
    return found


def measure_loop(site: Site, since: float) -> Loop:
    """Median, 95th percentile and largest scheduler loop since then, in seconds."""
    loops = sorted(value / 1000 for _, _, value in site.read_metric("scheduler_loop_duration", since))
    return statistics.median(loops), loops[int(len(loops) * 0.95)], loops[-1]


def run_wave(site: Site, names: list[str]) -> tuple[int, float]:
    """Start a night of each pipeline at once; how many were published, and the seconds until the last one was."""
    for name in names:
        site.client.unpause(f"{name}_ingest")
    began = time.monotonic()
    for name in names:
        site.client.trigger_run(f"{name}_ingest", str(NIGHT))
    published = watch(lambda: _count_published(site), len(names), 120 + NIGHT_SECONDS * len(names), "nights published")
    return published, time.monotonic() - began


def _count_published(site: Site) -> int:
    query = "select count(*) from ml.ledger where kind = 'scores' and partition_date = :night"
    return int(site.ask(query, night=NIGHT)[0][0])


def measure_site(site: Site, names: list[str], wave: list[str]) -> dict[str, Any]:
    """Everything, in the order in which it happens."""
    parsed = wait_parsed(site, len(names))
    say(f"{len(names)} pipelines, all DAGs there: {parsed}")
    time.sleep(RESTART_BACKOFF_SECONDS)
    idle, files = measure_loop(site, time.time() - RESTART_BACKOFF_SECONDS + 5), read_files(site)
    memory = site.read_memory()
    say(f"files {files}, idle loop {idle}, memory {memory}")
    start, used = time.time(), site.read_cpu("scheduler")[0]
    published, seconds = run_wave(site, wave) if wave else (0, 0.0)
    busy = measure_loop(site, start) if wave else idle
    used = site.read_cpu("scheduler")[0] - used
    memory = {name: max(value, memory.get(name, 0)) for name, value in site.read_memory().items()}
    say(f"wave: {published} of {len(wave)} nights in {seconds:.0f} s, loop {busy}, CPU of the scheduler {used:.0f} s")
    facts = describe_parse(parsed, files, memory) | {"scheduler loop at rest: median, 95th percentile": _join(idle[:2])}
    if wave:
        facts |= describe_wave(published, len(wave), seconds, busy, used)
    return {"pipelines": len(names), "files": files, "memory": memory, "facts": facts}


def describe_parse(parsed: dict[str, Any], files: dict[str, float], memory: dict[str, float]) -> dict[str, Any]:
    """The rows of the table about reading the DAG files."""
    return {
        "all DAGs there after the start of Airflow's processes": f"{parsed['all']:.1f} s",
        "CPU of the DAG processor by then: its manager, the processes that read the files": (
            f"{parsed['manager']:.0f} s, {parsed['readers']:.0f} s"
        ),
        "import errors": parsed["errors"],
        "slowest DAG file": f"{max(files.values()):.1f} s",
        "all DAG files, one after the other": f"{sum(files.values()):.1f} s",
        "memory of scheduler with its tasks' parent, DAG processor": f"{memory['scheduler']}, "
        f"{memory['dag-processor']} MiB",
    }


def describe_wave(published: int, nights: int, seconds: float, busy: Loop, used: float) -> dict[str, Any]:
    """The rows of the table about the nights."""
    lacking = "" if published == nights else f" ({published} of them by then)"
    return {
        f"a wave of {nights} nights (ingest and score, {TASKS} tasks each)": f"{seconds:.0f} s{lacking}",
        "tasks a minute": f"{60 * TASKS * published / seconds:.0f}",
        "scheduler loop in the wave: median, 95th percentile, largest": _join(busy),
        "CPU of the scheduler in the wave, without its tasks": f"{used:.0f} s",
    }


def _join(seconds: tuple[float, ...]) -> str:
    return ", ".join(f"{value:.2f} s" for value in seconds)


def main() -> None:
    """Measure; write the section, or print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pipelines", type=int, default=200)
    parser.add_argument("--wave", type=int, help="so many of them; 0: none; default: all")
    parser.add_argument("--print", action="store_true", help="leave docs/reference/performance.md as it is")
    arguments = parser.parse_args()
    names = name_pipelines(arguments.pipelines)
    settings = {"AIRFLOW__DAG_PROCESSOR__PRINT_STATS_INTERVAL": "10"}
    say(f"starting Airflow with {len(names)} pipelines")
    with open_site(
        lambda folder: write_pipelines(folder, names),
        lambda folder, resources: promote_for_all(folder, names, resources),
        settings,
    ) as site:
        found = measure_site(site, names, names[: arguments.wave])
    print(json.dumps({"machine": describe_machine(), **found}, indent=1))
    if not arguments.print:
        keep_section("pipelines", found)
        write_tables()


if __name__ == "__main__":
    main()
