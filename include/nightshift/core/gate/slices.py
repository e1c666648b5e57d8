"""The candidate against the champion within slices of the held-out rows, with one error rate for all of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nightshift.config.sections.gate import Gate
from nightshift.core.evaluation.weighted_metrics import measure_losses, measure_rows
from nightshift.core.gate.case import GateCase
from nightshift.core.gate.champion import find_margin
from nightshift.core.gate.comparison import compare, count_fewer, explain_unknown, show_interval
from nightshift.core.gate.evidence import Evidence
from nightshift.core.gate.groups import Group, find_weak_groups, list_groups
from nightshift.core.gate.quality import NOT_SERVED
from nightshift.core.gate.rule import Rule
from nightshift.core.gate.unseen import find_seen, take_unseen
from nightshift.extension.tasks import find_task

# A slice may lose so many times what the whole may: it is measured on fewer rows.
WIDER = 2.0


@dataclass(frozen=True)
class _Contest:
    """What every slice is judged with; arrays of shape (rows,)."""

    case: GateCase
    candidate: np.ndarray
    champion: np.ndarray
    margin: float


def check_slices(case: GateCase) -> Rule:
    """In no slice provably worse than the champion by more than the slices' margin."""
    evidence, gate, metric = case.evidence, case.gate, case.metric
    candidate, champion = evidence.candidate, evidence.champion
    if candidate is None:
        return Rule("slices", None, {}, NOT_SERVED)
    if evidence.champion_version is None:
        groups = list_groups(evidence.rows, gate.slices.columns)
        slices = [_describe(group, evidence.target, candidate, metric) | _refuse("no champion") for group in groups]
        return Rule("slices", True, {"slices": slices}, "no champion to compare with")
    if champion is not None and (seen := find_seen(evidence, gate)):
        return Rule("slices", None, {}, f"unclear: {seen}")
    return _compare_slices(replace(case, evidence=take_unseen(evidence)))


def _compare_slices(case: GateCase) -> Rule:
    """On rows that are new to the champion."""
    evidence, gate, metric = case.evidence, case.gate, case.metric
    candidate, champion = evidence.candidate, evidence.champion
    margin = _find_slice_margin(evidence, gate, metric)
    if candidate is None or champion is None or not math.isfinite(margin):
        return Rule("slices", None, {}, "unclear: the champion can't be evaluated")
    if not (np.isfinite(candidate).all() and np.isfinite(champion).all()):
        return Rule("slices", None, {}, "unclear: some predictions are not numbers")
    contest, groups = _Contest(case, candidate, champion, margin), list_groups(evidence.rows, gate.slices.columns)
    slices = [_judge_slice(group, contest) for group in groups + _find_weak(contest)]
    _mark_worse(slices, 1 - gate.confidence)
    return _conclude(slices, gate, margin)


def _find_slice_margin(evidence: Evidence, gate: Gate, metric: str) -> float:
    if gate.slices.margin is not None:
        return gate.slices.margin
    return WIDER * find_margin(evidence, gate, metric)


def _find_weak(contest: _Contest) -> list[Group]:
    case = contest.case
    wanted, evidence = case.gate.slices, case.evidence
    if not wanted.find_weak:
        return []
    ours = measure_losses(case.metric, evidence.target, contest.candidate)
    theirs = measure_losses(case.metric, evidence.target, contest.champion)
    return find_weak_groups(evidence.rows, ours - theirs, wanted.min_rows, case.seed)


def find_obstacle(target: np.ndarray, min_rows: int, task: str) -> str:
    """Why a slice with these targets can't be evaluated; empty where it can."""
    if len(target) < min_rows:
        return f"{len(target)} rows, gate.slices.min_rows is {min_rows}"
    return find_task(task).find_shortage(target)


def _describe(group: Group, target: np.ndarray, candidate: np.ndarray, metric: str) -> dict[str, Any]:
    value = measure_rows(metric, target[group.mask], candidate[group.mask])
    return {"slice": group.name, "found": group.found, "rows": int(group.mask.sum()), "candidate": value}


def _judge_slice(group: Group, contest: _Contest) -> dict[str, Any]:
    case = contest.case
    evidence, gate, metric = case.evidence, case.gate, case.metric
    described = _describe(group, evidence.target, contest.candidate, metric)
    inside = evidence.target[group.mask]
    described["champion"] = measure_rows(metric, inside, contest.champion[group.mask])
    obstacle = find_obstacle(inside, gate.slices.min_rows, case.task)
    if obstacle:
        return described | _refuse(obstacle)
    found = compare(case, contest.candidate, contest.champion, resamples=count_fewer(gate), within=group.mask)
    p = found.prove_below(-contest.margin)
    if not math.isfinite(p):
        return described | _refuse(explain_unknown(evidence.days[group.mask], gate, metric))
    return described | {**show_interval(found), "p": p, "verdict": "no worse", "passed": True}


def _refuse(reason: str) -> dict[str, Any]:
    return {"gain": math.nan, "p": math.nan, "verdict": "not evaluated", "passed": None, "reason": reason}


def _mark_worse(slices: Sequence[dict[str, Any]], risk: float) -> None:
    judged = [line for line in slices if line["verdict"] != "not evaluated"]
    for line, rejected in zip(judged, reject_holm([line["p"] for line in judged], risk), strict=True):
        line.update({"verdict": "worse" if rejected else "no worse", "passed": not rejected})


def reject_holm(p_values: Sequence[float], risk: float) -> list[bool]:
    """Which hypotheses are refuted, with at most `risk` of refuting any true one, however the tests depend.

    S. Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6 (1979).

    >>> reject_holm([0.001, 0.04, 0.3], risk=0.05)
    [True, False, False]
    """
    rejected = [False] * len(p_values)
    for done, index in enumerate(sorted(range(len(p_values)), key=lambda index: p_values[index])):
        if p_values[index] > risk / (len(p_values) - done):
            break
        rejected[index] = True
    return rejected


def _conclude(slices: list[dict[str, Any]], gate: Gate, margin: float) -> Rule:
    worse = [line for line in slices if line["verdict"] == "worse"]
    judged = [line for line in slices if line["verdict"] != "not evaluated"]
    figures = {"judged": len(judged), "margin": margin, "confidence": gate.confidence, "slices": slices}
    if worse:
        named = "; ".join(f"{line['slice']} ({line['rows']} rows, gain {line['gain']:+.4f})" for line in worse)
        return Rule("slices", False, figures, f"worse by more than {margin:.4f} in {named}")
    if gate.slices.columns and not any(not line["found"] for line in judged):
        columns = ", ".join(gate.slices.columns)
        text = f"unclear: no slice of {columns} could be evaluated; hold out more rows, or lower gate.slices.min_rows"
        return Rule("slices", None, figures, text)
    if not judged:
        return Rule("slices", True, figures, "no slice is configured, and none looks weak")
    return Rule("slices", True, figures, f"in none of {len(judged)} slices provably worse by more than {margin:.4f}")
