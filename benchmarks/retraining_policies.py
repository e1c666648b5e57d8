"""Does the loop earn its keep? Real history under four retraining policies, and simulated nights with known truth.

Replays bikes, flights and metro night by night, as `bin/nightshift replay` does, and compares Nightshift's policy with
retraining never and every night. One command for docs/explanation/retraining.md and its plots:

    PYTHONPATH=include:. python benchmarks/retraining_policies.py --home FOLDER --plots docs/figures

The folder keeps what was ingested and every policy's report, so that what is there is not done again; retraining every
night takes an hour for bikes or flights. Remove FOLDER/NAME_POLICY.json to measure that one anew.
"""

import argparse
import json
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from nightshift.commands.replay import replay
from nightshift.config.loading import load_named_pipeline
from nightshift.core.retraining.replay import choose_span, measure_recovered
from nightshift.io.pages.replay import render_metric_chart

POLICIES = ("nightshift", "never", "always")
MAX_TRAININGS, MIN_RECOVERED = 0.15, 0.80


@dataclass(frozen=True)
class Story:
    """A pipeline, the nights, and the days that the first model learns from."""

    name: str
    first: date
    last: date
    train_from: date
    train_to: date
    policies: tuple[str, ...] = POLICIES
    # Where the relation hardly changes: at most so many trainings.
    most: int | None = None


STORIES = (
    Story("bikes", date(2011, 7, 1), date(2012, 12, 31), date(2011, 1, 1), date(2011, 6, 30)),
    Story("flights", date(2017, 3, 1), date(2017, 12, 31), date(2017, 1, 1), date(2017, 2, 28)),
    Story(
        "metro",
        date(2016, 1, 1),
        date(2017, 12, 31),
        date(2012, 10, 2),
        date(2013, 12, 31),
        policies=("nightshift", "never"),
        most=4,
    ),
)


def replay_story(story: Story, home: Path) -> dict[str, Any]:
    """One report with every policy, Nightshift's on top; reads those that are there."""
    reports = [replay_policy(story, policy, home) for policy in story.policies]
    ours, *others = reports
    compared = [{name: other[name] for name in ("policy", "summary", "nights")} for other in others]
    values = {one["policy"]: one["summary"]["metric"] for one in reports}
    recovered = None
    if "always" in values:
        recovered = measure_recovered(ours["metric"], values["nightshift"], values["never"], values["always"])
    return {**ours, "compared": compared, "recovered": recovered}


def replay_policy(story: Story, policy: str, home: Path) -> dict[str, Any]:
    """The report of one policy."""
    file = home / f"{story.name}_{policy}.json"
    if not file.exists():
        config = load_named_pipeline(story.name)
        span = choose_span(config.spec, story.first, story.last, story.train_from, story.train_to)
        print(f"{story.name}: {policy}", file=sys.stderr, flush=True)
        report = replay(config, span, [policy], home / story.name)
        file.write_text(json.dumps(report, indent=1))
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def write_table(story: Story, report: dict[str, Any]) -> str:
    """Markdown: a row per policy, then the verdict."""
    lines = [
        f"| {story.name}, {story.first} to {story.last} | {report['metric']} | trainings | promotions | compute |",
        "|---|---|---|---|---|",
    ]
    for one in (report, *report["compared"]):
        total = one["summary"]
        lines.append(
            f"| {one['policy']} | {total['metric']:.4f} | {total['trainings']} of {total['nights']} nights "
            f"| {total['promotions']} | {total['compute_seconds'] / 60:.1f} min |"
        )
    return "\n".join([*lines, "", judge(story, report)])


def judge(story: Story, report: dict[str, Any]) -> str:
    """What was reached, beside what was asked for."""
    trainings, nights = report["summary"]["trainings"], report["summary"]["nights"]
    if story.most is not None:
        return f"{trainings} trainings; at most {story.most}: {_say(trainings <= story.most)}."
    share = trainings / nights
    text = f"Trainings of `always`: {share:.1%}, at most {MAX_TRAININGS:.0%}: {_say(share <= MAX_TRAININGS)}."
    if report["recovered"] is None:
        return f"`always` gains nothing over `never`. {text}"
    recovered = report["recovered"]
    reached = _say(recovered >= MIN_RECOVERED)
    return f"Of what `always` gains over `never`: {recovered:.0%}, at least {MIN_RECOVERED:.0%}: {reached}. {text}"


def _say(reached: bool) -> str:
    return "reached" if reached else "NOT reached"


def main() -> int:
    """Prints the tables, writes the plots."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True, help="keeps what was ingested, and the reports")
    parser.add_argument("--plots", type=Path, help="a folder for one SVG a pipeline")
    parser.add_argument("--pipeline", choices=[story.name for story in STORIES], action="append")
    arguments = parser.parse_args()
    arguments.home.mkdir(parents=True, exist_ok=True)
    for story in STORIES:
        if arguments.pipeline and story.name not in arguments.pipeline:
            continue
        report = replay_story(story, arguments.home)
        print(write_table(story, report) + "\n", flush=True)
        if arguments.plots:
            arguments.plots.mkdir(parents=True, exist_ok=True)
            (arguments.plots / f"replay_{story.name}.svg").write_text(render_metric_chart(report))
    return 0


if __name__ == "__main__":
    sys.exit(main())
