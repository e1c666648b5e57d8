"""The candidate against the champion, on the same held-out rows."""

import math
from dataclasses import replace
from typing import Any

from nightshift.config.sections.gate import Gate
from nightshift.core.evaluation.bootstrap import Interval
from nightshift.core.evaluation.metrics import gain
from nightshift.core.evaluation.weighted_metrics import measure_rows
from nightshift.core.gate.case import GateCase
from nightshift.core.gate.comparison import compare, explain_unknown, format_interval, show_interval
from nightshift.core.gate.evidence import Evidence
from nightshift.core.gate.quality import NOT_SERVED
from nightshift.core.gate.rule import Rule
from nightshift.core.gate.unseen import find_seen, take_unseen

# Of the champion's gain over the naive baseline a candidate may give up so much: the fixed fraction of non-inferiority
# trials, which ask that most of the control's effect over placebo is kept. FDA, Non-Inferiority Clinical Trials to
# Establish Effectiveness (2016), section IV; Rothmann et al., Statistics in Medicine 22 (2003).
GIVEN_UP = 0.05


def find_margin(evidence: Evidence, gate: Gate, metric: str) -> float:
    """How much worse than the champion still counts as no worse, in the metric's unit; NaN without a champion.

    Where the champion is no better than the baseline there is nothing to give up, and it is 0.
    """
    if gate.champion_margin is not None:
        return gate.champion_margin
    if evidence.champion is None:
        return math.nan
    champion = measure_rows(metric, evidence.target, evidence.champion)
    own = gain(metric, champion, measure_rows(metric, evidence.target, evidence.baseline))
    return max(0.0, GIVEN_UP * own) if math.isfinite(own) else math.nan


def check_champion(case: GateCase) -> Rule:
    """Provably not worse than the champion by more than the margin, or provably better, as the policy asks."""
    evidence, gate, metric = case.evidence, case.gate, case.metric
    margin = find_margin(take_unseen(evidence), gate, metric)
    asked = {"champion_version": evidence.champion_version, "policy": gate.policy, "confidence": gate.confidence}
    figures = {**asked, "margin": margin if gate.policy == "non_inferior" else 0.0}
    if evidence.champion_version is None:
        return Rule("champion", True, {**figures, "champion": None}, "there is no champion yet")
    if evidence.champion is None:
        text = (
            f"unclear: the champion, version {evidence.champion_version}, can't be evaluated: "
            f"{evidence.champion_problem}; repair that and train again, or promote a version by hand"
        )
        return Rule("champion", None, {**figures, "champion_problem": evidence.champion_problem}, text)
    seen = find_seen(evidence, gate)
    if seen:
        return Rule("champion", None, figures, f"unclear: {seen}")
    return _compare_with_champion(replace(case, evidence=take_unseen(evidence)), figures, margin)


def _compare_with_champion(case: GateCase, asked: dict[str, Any], margin: float) -> Rule:
    """`asked` are the figures that are there already."""
    evidence, gate, metric = case.evidence, case.gate, case.metric
    ours, theirs = evidence.candidate, evidence.champion
    if ours is None or theirs is None:
        return Rule("champion", None, asked, NOT_SERVED)
    found = compare(case, ours, theirs, resamples=gate.resamples)
    figures = {
        **asked,
        "rows": len(evidence.target),
        "candidate": measure_rows(metric, evidence.target, ours),
        "champion": measure_rows(metric, evidence.target, theirs),
        **show_interval(found),
    }
    if not math.isfinite(found.low) or not math.isfinite(margin):
        return Rule("champion", None, figures, f"unclear: {explain_unknown(evidence.days, gate, metric)}")
    passed = judge_gain(found, gate, margin)
    text = (
        f"{metric} {figures['candidate']:.4f} against the {figures['champion']:.4f} of version "
        f"{evidence.champion_version} on the same rows: gain {found.value:+.4f}, {format_interval(found, gate)}"
    )
    return Rule("champion", passed, figures, f"{text}; {_phrase(passed, gate, margin)}")


def judge_gain(found: Interval, gate: Gate, margin: float) -> bool | None:
    """What the interval proves; None where it proves neither."""
    if gate.policy == "superior":
        if found.low > 0:
            return True
        return False if found.high <= 0 else None
    if found.low >= -margin:
        return True
    return False if found.high < -margin else None


def _phrase(passed: bool | None, gate: Gate, margin: float) -> str:
    if gate.policy == "superior":
        return {True: "better", False: "not better", None: "unclear whether it is better: hold out more rows"}[passed]
    return {
        True: f"not worse by more than {margin:.4f}",
        False: f"worse by more than {margin:.4f}",
        None: f"unclear whether it is worse by more than {margin:.4f}: hold out more rows, or allow a wider margin",
    }[passed]
