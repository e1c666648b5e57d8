"""Better than what anyone would guess from the last outcomes."""

import math
from typing import Any

from nightshift.core.evaluation.bootstrap import Interval
from nightshift.core.evaluation.weighted_metrics import measure_rows
from nightshift.core.gate.case import GateCase
from nightshift.core.gate.comparison import compare, explain_unknown, format_interval
from nightshift.core.gate.rule import Rule

# The interval is only told, and a standard error needs 50 to 200: Efron and Tibshirani (1993), section 6.4.
RESAMPLES = 100


def check_naive(case: GateCase) -> Rule | None:
    """The candidate beats every guess that is there at night. None where there is none, or nothing was measured."""
    evidence = case.evidence
    if not evidence.naive or evidence.candidate is None:
        return None
    figures: dict[str, Any] = {"confidence": case.gate.confidence}
    said, gains = [], []
    for name, guess in evidence.naive.items():
        found = compare(case, evidence.candidate, guess, resamples=RESAMPLES)
        value = measure_rows(case.metric, evidence.target, guess)
        figures |= {name: value, f"{name}: gain": found.value, f"{name}: gain_low": found.low}
        gains.append(found.value)
        said.append(_describe(name, value, found, case))
    text = "; ".join(said)
    if not all(map(math.isfinite, gains)):
        return Rule("naive", None, figures, f"unclear: {text}")
    if min(gains) <= 0:
        advice = "nothing is lost by using that guess; add features that know more, or hold out more days"
        return Rule("naive", False, figures, f"no better than a guess from the last outcomes: {text}; {advice}")
    return Rule("naive", True, figures, text)


def _describe(name: str, value: float, found: Interval, case: GateCase) -> str:
    if not math.isfinite(found.low):
        return f"{name}: {explain_unknown(case.evidence.days, case.gate, case.metric)}"
    proof = "" if found.low > 0 else ", which may be luck"
    interval = format_interval(found, case.gate)
    return f"{case.metric} of the {name} {value:.4f}, gain {found.value:+.4f}, {interval}{proof}"
