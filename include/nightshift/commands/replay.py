"""`replay`: what the loop would have done with a stretch of history."""

import argparse
import hashlib
import json
import logging
import signal
import sys
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nightshift.commands.base import Commands, add_command, read_date
from nightshift.commands.progress import show_progress
from nightshift.config.loading import load_named_pipeline
from nightshift.config.pipeline import PipelineConfig
from nightshift.errors import NightshiftError

if TYPE_CHECKING:
    from nightshift.core.retraining.replay import Span, Trained
    from nightshift.core.retraining.replay_report import Replayed
    from nightshift.io.resources import Resources

POLICIES = ("nightshift", "never", "always", "weekly")
EXAMPLES = (
    "replay flights --from 2017-03-01 --to 2017-12-31 --html flights.html",
    "replay flights --from 2017-03-01 --to 2017-06-30 --policy nightshift --policy never --report flights.json",
    "replay metro --from 2016-01-01 --to 2017-12-31 --train-from 2012-10-02 --train-to 2013-12-31",
)
# What the partitions depend on. Limits and policies may change without ingesting again.
INGESTED_FROM = {"start", "source", "columns", "keys", "event_time", "label", "known_afterwards", "features"}


def add_replay(commands: Commands) -> None:
    """`replay NAME --from DAY --to DAY`."""
    summary = (
        "run the loop day by day over history, in a sandbox: what would these limits have done? "
        "The last line of stdout is a JSON summary"
    )
    parser = add_command(commands, "replay", run_replay, summary, EXAMPLES)
    parser.add_argument("name", metavar="NAME", help="the pipeline")
    parser.add_argument("--from", dest="first", type=read_date, required=True, metavar="DAY", help="the first day")
    parser.add_argument("--to", dest="last", type=read_date, required=True, metavar="DAY", help="the last day")
    parser.add_argument(
        "--policy",
        dest="policies",
        action="append",
        choices=POLICIES,
        help="when to retrain: as pipeline.yaml says (nightshift, the default), never, always (every day), weekly; "
        "repeat it to compare, the first one is the one reported on",
    )
    parser.add_argument("--report", type=Path, metavar="FILE.json", help="every day's figures")
    parser.add_argument("--html", type=Path, metavar="FILE.html", help="a page with plots")
    parser.add_argument(
        "--train-from", type=read_date, metavar="DAY", help="of the model that is champion on the first day"
    )
    parser.add_argument("--train-to", type=read_date, metavar="DAY", help="its last day (else what was known by then)")
    parser.add_argument(
        "--keep",
        type=Path,
        metavar="FOLDER",
        help="keep warehouse and lake there; another replay with this folder ingests only what is missing",
    )


def run_replay(arguments: argparse.Namespace) -> int:
    """Replay and report; progress on stderr, the JSON summary as the last line of stdout."""
    logging.basicConfig(level=logging.ERROR, format="%(message)s", stream=sys.stderr)
    # Without this, being terminated would leave the scratch server running.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    config = load_named_pipeline(arguments.name)
    for file in filter(None, (arguments.report, arguments.html)):
        require_writable(file)
    report = replay(config, read_span(arguments, config), arguments.policies or ["nightshift"], arguments.keep)
    write_report(report, arguments.report, arguments.html)
    for line in list_sums(report):
        print(line, file=sys.stderr)
    told = {name: report[name] for name in ("pipeline", "policy", "from", "to", "metric", "recovered", "summary")}
    others = {other["policy"]: other["summary"] for other in report["compared"]}
    print(json.dumps({**told, "status": "done", "compared": others}))
    return 0


def read_span(arguments: argparse.Namespace, config: PipelineConfig) -> "Span":
    """What the arguments mean; NightshiftError where they contradict each other."""
    from nightshift.core.retraining.replay import choose_span

    try:
        return choose_span(config.spec, arguments.first, arguments.last, arguments.train_from, arguments.train_to)
    except ValueError as error:
        raise NightshiftError(f"{config.name}: {error}") from error


def require_writable(file: Path) -> None:
    """Hours of work must not end at a folder that does not exist."""
    if not file.parent.is_dir():
        raise NightshiftError(f"{file}: the folder {file.parent} does not exist; make it first")
    if file.is_dir():
        raise NightshiftError(f"{file}: is a folder; name a file in it")


def replay(config: PipelineConfig, span: "Span", policies: Sequence[Any], keep: Path | None) -> dict[str, Any]:
    """The report of all policies; see core/replay_report.py for its shape."""
    from nightshift.core.retraining.replay import list_ingested
    from nightshift.core.retraining.replay_report import make_report
    from nightshift.local.sandbox import open_sandbox
    from nightshift.steps.replay import ingest_history, train_first

    policies = list(dict.fromkeys(policies))
    days = list_ingested(config.spec, span, retrains=set(policies) != {"never"})
    history = f"history_{hash_ingest(config)}"
    with open_sandbox(keep) as scratch:
        started = time.monotonic()
        # The first training comes before the long ingest of the replayed days, so what it says is not waited for.
        with scratch.open(history) as resources, show_progress("ingest", len(days)) as step:
            _forget_earlier_models(config, resources)
            known = ingest_history(config, resources, [day for day in days if day <= span.train_to], step)
            first = train_first(config, resources, span)
            _tell_first(config, span, first)
            later = ingest_history(config, resources, [day for day in days if day > span.train_to], step)
        problems = {**known, **later}
        ingest_seconds = time.monotonic() - started - first.seconds
        replayed = []
        for policy in policies:
            scratch.copy(f"{policy}_{config.name}", history)
            with scratch.open(f"{policy}_{config.name}") as resources:
                replayed.append(_replay_policy(config, resources, span, policy, problems))
    return make_report(config, span, first, replayed, ingest_seconds)


def _forget_earlier_models(config: PipelineConfig, resources: "Resources") -> None:
    """What is kept is the history; every replay trains its own first model."""
    from nightshift.local.demo.reset import forget_models

    with resources.warehouse.begin() as connection:
        forget_models(connection, config.name)


def _tell_first(config: PipelineConfig, span: "Span", first: "Trained") -> None:
    if first.promoted:
        line = f"the first model is version {first.version}, trained on {span.train_from} to {span.train_to}"
    else:
        line = (
            f"the gate refused the first model (version {first.version}, trained on {span.train_from} to "
            f"{span.train_to}): {first.reason}. The replay starts with it all the same; for another one choose "
            "--train-from, --train-to or change pipeline.yaml"
        )
    print(f"{config.name}: {line}", file=sys.stderr, flush=True)


def _replay_policy(
    config: PipelineConfig, resources: "Resources", span: "Span", policy: Any, problems: dict[date, str]
) -> "Replayed":
    from nightshift.core.retraining.replay_report import Replayed
    from nightshift.steps.replay import measure_nights, replay_nights

    nights, trainings = [], 0
    with show_progress(policy, len(span.nights)) as step:
        for night in replay_nights(config, resources, span, policy, problems):
            nights.append(night)
            trainings += night.trained is not None
            step(f"{night.date}  {trainings} trainings")
    return Replayed(policy, *measure_nights(config, resources, nights))


def hash_ingest(config: PipelineConfig) -> str:
    """Twelve hex digits over what the ingested partitions depend on."""
    spec = config.spec.model_dump(mode="json", include=INGESTED_FROM)
    known = {"name": config.name, "spec": spec, "expectations": config.expectations.model_dump(mode="json")}
    digest = hashlib.sha256(json.dumps(known, sort_keys=True, default=str).encode())
    for file in sorted(config.folder.glob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def write_report(report: dict[str, Any], file: Path | None, page: Path | None) -> None:
    """The files that were asked for."""
    if file:
        file.write_text(json.dumps(report, indent=1) + "\n")
    if page:
        from nightshift.io.pages.replay import render_replay

        page.write_text(render_replay(report))


def list_sums(report: dict[str, Any]) -> list[str]:
    """The policies side by side, as lines of text."""
    metric = report["metric"]
    lines = [
        f"{metric} of all rows together (pooled) and as the mean of the days; policies are compared by "
        f"{report['compared_by']}",
        f"{'policy':12} {'pooled':>12} {'mean of days':>12} {'trainings':>10} {'promotions':>11} {'compute':>10}",
    ]
    for one in (report, *report["compared"]):
        total = one["summary"]
        values = ["-" if total[name] is None else f"{total[name]:.4f}" for name in ("pooled", "mean_of_days")]
        lines.append(
            f"{one['policy']:12} {values[0]:>12} {values[1]:>12} {total['trainings']:>10} {total['promotions']:>11} "
            f"{total['compute_seconds']:>8.0f} s"
        )
    if report["recovered"] is not None:
        lines.append(f"{report['policy']} has {report['recovered']:.0%} of what always gains over never")
    return lines
