"""How often the gate decides right: simulated champions and candidates whose true difference is known.

`PYTHONPATH=include:. python benchmarks/gate_decisions.py [--decisions N] [--json FILE]` prints the tables of
docs/explanation/gate.md. Both models see the same signal through correlated noise, as models of one kind fitted on
overlapping data do. The size of the candidate's noise is set so that its true difference to the champion is a given
number of margins.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr

from nightshift.config.sections.gate import Gate, Policy, Slices
from nightshift.core.evaluation.bootstrap import Interval
from nightshift.core.evaluation.metrics import gain
from nightshift.core.evaluation.weighted_metrics import measure_rows
from nightshift.core.gate import Decision, Evidence, Rule, Served, decide, judge
from nightshift.core.gate.champion import GIVEN_UP, judge_gain
from nightshift.core.predictors.parity import Parity

ROWS = 5_000
# The fewest that may be configured. More make an interval steadier, and every simulated decision five times slower.
RESAMPLES = 200
DAYS = 14
TRUTH_ROWS = 1_000_000
STRENGTH, CUT = 1.0, 1.2  # of the signal in the target; where a target is positive, one row in five
OWN, LIKE = 0.7, 0.8  # the champion's noise, and how the candidate's is correlated with it
DIFFERENCES = (-2.0, -1.0, 0.0, 2.0)
METRICS: tuple[tuple[str, str], ...] = (
    ("classification", "roc_auc"),
    ("classification", "log_loss"),
    ("regression", "rmse"),
)
POLICIES: tuple[Policy, ...] = ("non_inferior", "superior")
WORST_FLOOR = {"roc_auc": 0.0, "log_loss": 1e9, "rmse": 1e9}
SERVED = Served("", 0.0, 0.1, 10.0, 500, Parity.of_native("simulated"))
NORTH = 0.15  # the share of the slice that is spoiled on purpose
SPOILED = 2.0  # the candidate's noise there


@dataclass(frozen=True)
class Draw:
    """Held-out rows with everything but the candidate's noise; arrays of shape (rows,)."""

    rows: pd.DataFrame
    target: np.ndarray
    signal: np.ndarray
    champion: np.ndarray
    noise: np.ndarray  # of the candidate, to be scaled


def draw_rows(task: str, count: int, generator: np.random.Generator) -> Draw:
    """A seeded draw: `region` and `age` know nothing, `tenure` goes along with the signal."""
    signal, theirs, ours, other = generator.normal(size=(4, count))
    rows = pd.DataFrame(
        {
            "region": generator.choice(
                ["north", "east", "south", "west"], size=count, p=[NORTH, 0.2, 0.25, 1 - NORTH - 0.45]
            ),
            "tenure": 0.5 * signal + other,
            "age": generator.uniform(18, 90, count),
        }
    )
    if task == "classification":
        target = (STRENGTH * signal + generator.normal(size=count) > CUT).astype(np.float64)
    else:
        target = STRENGTH * signal + generator.standard_t(5, size=count)
    noise = LIKE * theirs + np.sqrt(1 - LIKE**2) * ours
    return Draw(rows, target, signal, predict(task, signal + OWN * theirs, OWN), noise)


def predict(task: str, observed: np.ndarray, own: float | np.ndarray) -> np.ndarray:
    """The best prediction from a signal with that much noise: calibrated, as far as it knows."""
    known = 1 / (1 + np.square(own))
    if task == "regression":
        return np.asarray(STRENGTH * known * observed)
    return np.asarray(ndtr((STRENGTH * known * observed - CUT) / np.sqrt(1 + STRENGTH**2 * (1 - known))))


def predict_candidate(task: str, drawn: Draw, own: float | np.ndarray) -> np.ndarray:
    """The candidate with noise of that size, a number or one a row."""
    return predict(task, drawn.signal + own * drawn.noise, own)


@lru_cache
def draw_truth(task: str) -> Draw:
    """So many rows that what is measured on them is taken for the truth."""
    return draw_rows(task, TRUTH_ROWS, np.random.default_rng(1))


def find_true_margin(task: str, metric: str) -> tuple[float, float]:
    """The champion's true metric, and the default margin that follows from it."""
    truth = draw_truth(task)
    champion = measure_rows(metric, truth.target, truth.champion)
    baseline = measure_rows(metric, truth.target, np.full(TRUTH_ROWS, truth.target.mean()))
    return champion, GIVEN_UP * gain(metric, champion, baseline)


@lru_cache
def find_noise(task: str, metric: str, margins: float) -> float:
    """The size of its noise with which the candidate is truly so many margins better, by bisection on the many rows."""
    if margins == 0:
        return OWN
    truth = draw_truth(task)
    champion, margin = find_true_margin(task, metric)
    low, high = 0.0, 2.0
    for _ in range(12):
        middle = (low + high) / 2
        candidate = measure_rows(metric, truth.target, predict_candidate(task, truth, middle))
        better = gain(metric, candidate, champion) > margins * margin
        low, high = (middle, high) if better else (low, middle)
    return (low + high) / 2


def gather_evidence(drawn: Draw, candidate: np.ndarray) -> Evidence:
    """As the training run gathers it, with nothing wrong but what the simulation says."""
    return Evidence(
        target=drawn.target,
        days=np.datetime64("2026-03-01") + np.arange(len(drawn.target)) * DAYS // len(drawn.target),
        rows=drawn.rows,
        candidate=candidate,
        baseline=np.full(len(drawn.target), drawn.target.mean()),
        champion=drawn.champion,
        champion_version=1,
        champion_problem="",
        missing_features=(),
        train_value=0.0,
        target_range=(-30.0, 30.0),
        alone={},
        served=SERVED,
    )


def make_gate(metric: str, **slices: Any) -> Gate:
    """The defaults, with two columns to slice by."""
    return Gate(floor=WORST_FLOOR[metric], resamples=RESAMPLES, slices=Slices(columns=("region", "tenure"), **slices))


def judge_again(rules: Sequence[Rule], gate: Gate) -> Decision:
    """The decision under another policy, which changes nothing but the champion's rule on the same interval."""
    changed = []
    for rule in rules:
        gain, low, high = (rule.figures.get(name, np.nan) for name in ("gain", "gain_low", "gain_high"))
        found = Interval(gain, low, high, np.nan, 0)
        passed = judge_gain(found, gate, rule.figures["margin"]) if rule.name == "champion" else rule.passed
        changed.append(replace(rule, passed=passed))
    return decide(changed, gate)


def count_decisions(task: str, metric: str, margins: float, decisions: int) -> list[dict[str, Any]]:
    """One line per policy: the shares of what the whole gate decided, and how often the rule `slices` failed."""
    gate = make_gate(metric).model_copy(update={"approval": "on_unclear"})
    own = find_noise(task, metric, margins)
    counts = {policy: Counter[Decision]() for policy in POLICIES}
    slices = 0
    for number in range(decisions):
        drawn = draw_rows(task, ROWS, np.random.default_rng([2, number]))
        _, rules = judge(gather_evidence(drawn, predict_candidate(task, drawn, own)), gate, task, metric, number)
        slices += has_failed(rules, "slices")
        for policy in POLICIES:
            counts[policy][judge_again(rules, gate.model_copy(update={"policy": policy}))] += 1
        report(f"{metric} {margins:+g} margins", number, decisions)
    shared = {"metric": metric, "margins": margins, "n": decisions}
    return [
        {**shared, "policy": policy, **share_out(counts[policy], decisions), "slices failed": slices / decisions}
        for policy in POLICIES
    ]


def has_failed(rules: Sequence[Rule], name: str) -> bool:
    """Whether that rule failed."""
    return any(rule.name == name and rule.passed is False for rule in rules)


def share_out(counts: Counter[Decision], decisions: int) -> dict[str, float]:
    """`needs_approval` stands for unclear here: nothing else asks a person under `on_unclear`."""
    names = {"promoted": "promote", "kept": "keep", "unclear": "needs_approval"}
    return {name: counts[decision] / decisions for name, decision in names.items()}  # type: ignore[index]


def count_slices(
    name: str, task: str, metric: str, decisions: int, own: Callable[[Draw], np.ndarray], **slices: Any
) -> dict[str, Any]:
    """How often the rule `slices` fails; `own` is the candidate's noise per row."""
    gate, failed = make_gate(metric, **slices), 0
    for number in range(decisions):
        drawn = draw_rows(task, ROWS, np.random.default_rng([3, number]))
        _, rules = judge(gather_evidence(drawn, predict_candidate(task, drawn, own(drawn))), gate, task, metric, number)
        failed += has_failed(rules, "slices")
        report(f"slices, {metric}, {name}", number, decisions)
    return {"metric": metric, "case": name, "n": decisions, "slices failed": failed / decisions}


def report(what: str, number: int, decisions: int) -> None:
    """Progress on stderr."""
    if (number + 1) % max(1, decisions // 10) == 0:
        print(f"{what}: {number + 1} of {decisions}", file=sys.stderr)


def spoil(drawn: Draw, group: str) -> np.ndarray:
    """The champion's noise everywhere but in one group of rows, about one in six, which has much more."""
    inside = drawn.rows["region"] == "north" if group == "region" else drawn.rows["age"] > 78
    return np.where(inside, SPOILED, OWN)


def describe_world(task: str, metric: str) -> dict[str, Any]:
    """What is true of the simulated models; `alike` is the correlation of two equal models' predictions."""
    truth = draw_truth(task)
    champion, margin = find_true_margin(task, metric)
    alike = float(np.corrcoef(truth.champion, predict_candidate(task, truth, OWN))[0, 1])
    spoiled = {}
    for group, inside in (("north", truth.rows["region"] == "north"), ("old", truth.rows["age"] > 78)):
        candidate = predict_candidate(task, truth, SPOILED)
        values = [measure_rows(metric, truth.target[inside], scores[inside]) for scores in (candidate, truth.champion)]
        spoiled[f"loss in {group}"] = -gain(metric, values[0], values[1])
    return {"metric": metric, "champion": champion, "margin": margin, "alike": alike, **spoiled}


def write_table(lines: Sequence[dict[str, Any]]) -> str:
    """As Markdown; shares as per cent."""
    names = list(lines[0])
    cells = [[format_cell(name, line[name]) for name in names] for line in lines]
    rows = [names, ["---"] * len(names), *cells]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def format_cell(name: str, value: Any) -> str:
    """A share, a difference in margins, or as it is."""
    if name in ("promoted", "kept", "unclear", "slices failed"):
        return f"{value:.1%}"
    if name == "margins":
        return f"{value:+g}"
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def main() -> None:
    """Both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--decisions", type=int, default=400, help="simulated decisions per line")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    decisions = [
        line
        for task, metric in METRICS
        for margins in DIFFERENCES
        for line in count_decisions(task, metric, margins, arguments.decisions)
    ]
    slices = []
    for task, metric in METRICS[::2]:
        count = partial(count_slices, task=task, metric=metric, decisions=arguments.decisions)
        slices += [
            count("equal models, slices.margin 0", own=lambda drawn: np.full(ROWS, OWN), margin=1e-12),
            count("north is bad", own=lambda drawn: spoil(drawn, "region")),
            count("age above 78 is bad, not configured", own=lambda drawn: spoil(drawn, "age")),
        ]
    worlds = [describe_world(task, metric) for task, metric in METRICS]
    print(write_table(worlds), write_table(decisions), write_table(slices), sep="\n\n")
    if arguments.json:
        arguments.json.write_text(json.dumps({"worlds": worlds, "decisions": decisions, "slices": slices}, indent=2))


if __name__ == "__main__":
    main()
