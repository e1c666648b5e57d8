"""Can the candidate be judged and served at all? Enough rows, its features, its artifact, sane predictions."""

import math

import numpy as np

from nightshift.config.sections.gate import Gate
from nightshift.core.gate.evidence import Evidence, Served
from nightshift.core.gate.rule import Rule
from nightshift.extension.tasks import find_task

# Predicting is arithmetic in one order: the same rows and artifact give the same scores up to rounding.
MAX_DIFFERENCE = 1e-9


def check_rows(evidence: Evidence, gate: Gate) -> Rule:
    """Enough held-out rows to say anything."""
    rows = len(evidence.target)
    figures = {"rows": rows, "min_rows": gate.min_rows}
    if rows < gate.min_rows:
        return Rule(
            "min_rows", None, figures, f"unclear: {rows} held-out rows, {gate.min_rows} are needed; hold out more days"
        )
    return Rule("min_rows", True, figures, f"{rows} held-out rows")


def check_features(evidence: Evidence) -> Rule:
    """The rows have every feature that the candidate needs."""
    missing = list(evidence.missing_features)
    if missing:
        return Rule("features", False, {"missing": missing}, f"the rows have no {', '.join(missing)}, which it needs")
    return Rule("features", True, {"missing": missing}, "the rows have every feature that it needs")


def check_reload(evidence: Evidence, gate: Gate) -> Rule:
    """A fresh process loads the artifact and predicts what was recorded, within its budgets."""
    served = evidence.served
    if served is None:
        return Rule("reload", None, {}, "unclear: the artifact was not loaded in a process of its own")
    figures = {
        "rows": served.rows,
        "difference": served.difference,
        "seconds": served.seconds,
        "seconds_limit": gate.serving.seconds,
        "megabytes": served.megabytes,
        "megabytes_limit": gate.serving.megabytes,
    }
    if served.problem:
        return Rule("reload", False, figures | {"problem": served.problem}, f"it can't be served: {served.problem}")
    problems = _list_excesses(served, gate)
    if problems:
        return Rule("reload", False, figures, "; ".join(problems))
    if served.rows == 0 or None in (served.difference, served.seconds, served.megabytes):
        return Rule("reload", None, figures, "unclear: not everything could be measured in the new process")
    text = f"a new process predicts the same, 1,000 rows in {served.seconds:.2g} s and {served.megabytes:.0f} MB"
    return Rule("reload", True, figures, text)


def _list_excesses(served: Served, gate: Gate) -> list[str]:
    problems = []
    # "Not at most" instead of "more than", so that NaN fails.
    if served.difference is not None and not served.difference <= MAX_DIFFERENCE:
        problems.append(f"a new process predicts other scores, by up to {served.difference:.3g}")
    if served.seconds is not None and not served.seconds <= gate.serving.seconds:
        problems.append(f"1,000 rows take {served.seconds:.2f} s, gate.serving.seconds is {gate.serving.seconds:g}")
    if served.megabytes is not None and not served.megabytes <= gate.serving.megabytes:
        text = f"1,000 rows take {served.megabytes:.0f} MB, gate.serving.megabytes is {gate.serving.megabytes}"
        problems.append(text)
    return problems


def check_predictor(evidence: Evidence) -> Rule:
    """The fast form that will score gives the scores of the model itself, also on rows that are drawn to be awkward."""
    parity = evidence.served.parity if evidence.served else None
    if evidence.served is None or parity is None:
        return Rule("predictor", None, {}, "not evaluated: it was not served in a process of its own")
    recorded = evidence.served.recorded
    figures = {
        "kind": parity.kind,
        "rows": parity.rows,
        "difference": parity.difference,
        "limit": MAX_DIFFERENCE,
        "worst": parity.worst,
        "sha256": parity.sha256,
        "recorded": recorded,
    }
    if parity.sha256 != recorded:
        text = f"a new process makes other lookup tables than were recorded ({parity.reason or 'their hash differs'})"
        return Rule("predictor", False, figures, text)
    if parity.difference is None:
        return Rule("predictor", True, figures, f"native: it scores by the model itself ({parity.reason})")
    # "Not at most" instead of "more than", so that NaN fails.
    if not parity.difference <= MAX_DIFFERENCE:
        text = f"its tables give other scores than the model itself, by up to {parity.difference:.3g} on {parity.worst}"
        return Rule("predictor", False, figures, text)
    text = f"tables: {parity.rows} golden and drawn rows get the model's own scores, to {parity.difference:.2g}"
    return Rule("predictor", True, figures, text)


def check_sanity(evidence: Evidence, task: str) -> Rule:
    """Predictions are finite, within what is possible, and not all the same."""
    predicted = evidence.candidate
    if predicted is None or len(predicted) == 0:
        return Rule("sanity", None, {}, "not evaluated: there are no predictions")
    if not np.isfinite(predicted).all():
        count = int((~np.isfinite(predicted)).sum())
        return Rule("sanity", False, {"not_finite": count}, f"{count} of {len(predicted)} predictions are not numbers")
    low, high = find_task(task).find_bounds(*evidence.target_range)
    smallest, largest = float(predicted.min()), float(predicted.max())
    figures = {"smallest": smallest, "largest": largest, "lowest": low, "highest": high}
    if not (math.isfinite(low) and math.isfinite(high)):
        return Rule("sanity", None, figures, "unclear: the targets that it was fitted on have no range")
    if smallest < low or largest > high:
        text = f"predictions from {smallest:.4g} to {largest:.4g}; possible is {low:.4g} to {high:.4g}"
        return Rule("sanity", False, figures, text)
    if smallest == largest and len(predicted) > 1:
        return Rule("sanity", False, figures, f"it predicts {smallest:.4g} for every row")
    return Rule("sanity", True, figures, f"predictions from {smallest:.4g} to {largest:.4g}")
