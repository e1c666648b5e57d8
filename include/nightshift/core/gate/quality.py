"""Is the candidate good by itself? Floors, the naive baseline, leakage, calibration, the gap to its training rows."""

import math
from collections.abc import Mapping

import numpy as np
from scipy.special import stdtrit

from nightshift.config.sections.gate import Gate
from nightshift.core.evaluation.bootstrap import count_freedom, find_jackknife_error
from nightshift.core.evaluation.calibration_error import expected_calibration_error
from nightshift.core.evaluation.metrics import gain, is_higher_better
from nightshift.core.evaluation.weighted_metrics import measure_rows
from nightshift.core.gate.case import GateCase
from nightshift.core.gate.comparison import (
    compare,
    count_fewer,
    explain_unknown,
    format_interval,
    has_enough_days,
    show_interval,
)
from nightshift.core.gate.evidence import Evidence
from nightshift.core.gate.rule import Rule
from nightshift.core.gate.unseen import take_unseen
from nightshift.extension.metrics import METRICS
from nightshift.extension.tasks import find_task

NOT_SERVED = "not evaluated: there are no predictions"
# So many of the strongest single features go into the figures.
SHOWN_FEATURES = 5


def check_floor(evidence: Evidence, gate: Gate, metric: str) -> Rule:
    """Good enough at all."""
    return _check_floor("floor", evidence, metric, gate.floor)


def check_floors(evidence: Evidence, gate: Gate) -> tuple[Rule, ...]:
    """Good enough by further metrics too."""
    return tuple(_check_floor(f"floor_{name}", evidence, name, floor) for name, floor in gate.floors.items())


def _check_floor(rule: str, evidence: Evidence, metric: str, floor: float) -> Rule:
    if evidence.candidate is None:
        return Rule(rule, None, {"floor": floor}, NOT_SERVED)
    value = measure_rows(metric, evidence.target, evidence.candidate)
    figures = {"metric": metric, "candidate": value, "floor": floor}
    if not math.isfinite(value):
        return Rule(rule, False, figures, f"{metric} could not be computed")
    bound = "at least" if is_higher_better(metric) else "at most"
    return Rule(
        rule, bool(gain(metric, value, floor) >= 0), figures, f"{metric} {value:.4f}; {bound} {floor:g} is asked for"
    )


def check_baseline(case: GateCase) -> Rule:
    """Better than predicting the mean: by the margin, and by more than luck."""
    evidence, gate, metric = case.evidence, case.gate, case.metric
    asked = gate.baseline_margin
    if evidence.candidate is None:
        return Rule("baseline", None, {"margin": asked}, NOT_SERVED)
    found = compare(case, evidence.candidate, evidence.baseline, resamples=count_fewer(gate))
    figures = {
        "candidate": measure_rows(metric, evidence.target, evidence.candidate),
        "baseline": measure_rows(metric, evidence.target, evidence.baseline),
        **show_interval(found),
        "confidence": gate.confidence,
        "margin": asked,
    }
    text = (
        f"{metric} {figures['candidate']:.4f} against the naive baseline's {figures['baseline']:.4f} on the same rows"
    )
    if found.value < asked:
        return Rule("baseline", False, figures, f"{text}: gain {found.value:+.4f}, at least {asked:+.4f} is asked for")
    if not math.isfinite(found.low):
        return Rule("baseline", None, figures, f"unclear: {explain_unknown(evidence.days, gate, metric)}")
    if found.low <= 0:
        interval = f"gain {found.value:+.4f}, {format_interval(found, gate)}"
        return Rule("baseline", False, figures, f"{text}: {interval}, which may be luck")
    return Rule("baseline", True, figures, f"{text}: gain {found.value:+.4f}")


def check_leakage(evidence: Evidence, limit: float, task: str) -> Rule:
    """Neither one feature nor the whole model knows the outcome."""
    metric = find_task(task).leak_metric
    name = METRICS.find(metric).label
    strongest = _rank_features(evidence.alone)
    whole = math.nan if evidence.candidate is None else measure_rows(metric, evidence.target, evidence.candidate)
    figures = {"metric": metric, "limit": limit, "model": whole, "alone": dict(strongest[:SHOWN_FEATURES])}
    leaking = [feature for feature, value in strongest if value >= limit]
    if leaking:
        text = (
            f"{', '.join(leaking)} alone reaches {name} {strongest[0][1]:.4f}, as if it knew the outcome: "
            "if it is known only afterwards, take it out of the features and list it under known_afterwards; "
            "if it is known in time, raise gate.leak_limit"
        )
        return Rule("leakage", False, figures | {"leaking": leaking}, text)
    if evidence.candidate is None:
        return Rule("leakage", None, figures, NOT_SERVED)
    if not math.isfinite(whole):
        return Rule("leakage", None, figures, f"unclear: {name} could not be computed")
    if whole >= limit:
        text = (
            f"the model reaches {name} {whole:.4f}, as if it knew the outcome: look for features, or the label's own "
            "source, that are known only afterwards; if it really is that easy, raise gate.leak_limit"
        )
        return Rule("leakage", False, figures, text)
    return Rule("leakage", True, figures, f"{name} {whole:.4f}, below {limit:g}")


def _rank_features(alone: Mapping[str, float]) -> list[tuple[str, float]]:
    usable = [(name, value) for name, value in alone.items() if math.isfinite(value)]
    return sorted(usable, key=lambda item: (-item[1], item[0]))


def check_calibration(evidence: Evidence, gate: Gate, limit: float) -> Rule:
    """Probabilities mean what they say, or at least no less than the champion's do on the same rows."""
    if evidence.candidate is None or not np.isfinite(evidence.candidate).all():
        return Rule("calibration", None, {"limit": limit}, NOT_SERVED)
    error = expected_calibration_error(evidence.target, evidence.candidate)
    champion = math.nan
    unseen = take_unseen(evidence)
    if unseen.champion is not None and np.isfinite(unseen.champion).all():
        champion = expected_calibration_error(unseen.target, unseen.champion)
    figures = {"candidate": error, "champion": champion, "limit": limit}
    if not math.isfinite(error):
        return Rule("calibration", None, figures, "unclear: the calibration error could not be computed")
    text = f"expected calibration error {error:.4f}; at most {limit:g} is asked for"
    if error > limit and error <= champion:
        return Rule("calibration", True, figures, f"{text}, or the champion's {champion:.4f}")
    if error <= limit:
        return Rule("calibration", True, figures, text)
    low = figures["low"] = _find_lowest_calibration_error(evidence, error, gate)
    if low <= limit:
        text = f"unclear: {text}, and days differ so much that {low:.4f} may be the true one; hold out more days"
        return Rule("calibration", None, figures, text)
    return Rule("calibration", False, figures, text)


def _find_lowest_calibration_error(evidence: Evidence, error: float, gate: Gate) -> float:
    """What the calibration error may truly be, as far as days differ; as measured where gate.resample ignores days."""
    if gate.resample == "rows" or not has_enough_days(gate, evidence.days) or evidence.candidate is None:
        return error
    days, codes = np.unique(evidence.days, return_inverse=True)
    left_out = [
        expected_calibration_error(evidence.target[codes != day], evidence.candidate[codes != day])
        for day in range(len(days))
    ]
    reach = float(stdtrit(count_freedom(codes), (1 + gate.confidence) / 2))
    return error - reach * find_jackknife_error(np.array(left_out))


def check_gap(evidence: Evidence, limit: float, metric: str) -> Rule:
    """Not much better on the rows that it was fitted on."""
    if evidence.candidate is None:
        return Rule("gap", None, {"limit": limit}, NOT_SERVED)
    value = measure_rows(metric, evidence.target, evidence.candidate)
    gap = gain(metric, evidence.train_value, value)
    figures = {"train": evidence.train_value, "candidate": value, "gap": gap, "limit": limit}
    if not math.isfinite(gap):
        return Rule("gap", None, figures, f"unclear: {metric} on the training rows could not be computed")
    text = f"{metric} {evidence.train_value:.4f} on its training rows, {value:.4f} on held-out rows"
    return Rule("gap", bool(gap <= limit), figures, f"{text}: a gap of {gap:.4f}, at most {limit:g} is asked for")
