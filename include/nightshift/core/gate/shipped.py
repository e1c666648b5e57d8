"""The rules that ship, in the order in which they are told.

What they need is imported when they check: an extension that registers a rule is read with every DAG file.
"""

from collections.abc import Callable
from typing import Any

from nightshift.core.gate.case import GateCase
from nightshift.core.gate.rule import Rule
from nightshift.extension.gate_rules import GATE_RULES, GateRule
from nightshift.extension.later import later
from nightshift.extension.tasks import find_task

Check = Callable[[GateCase], Rule | tuple[Rule, ...] | None]

SERVING, QUALITY = "nightshift.core.gate.serving", "nightshift.core.gate.quality"
check_rows = later(SERVING, "check_rows")
check_features = later(SERVING, "check_features")
check_reload = later(SERVING, "check_reload")
check_predictor = later(SERVING, "check_predictor")
check_sanity = later(SERVING, "check_sanity")
check_floor = later(QUALITY, "check_floor")
check_floors = later(QUALITY, "check_floors")
check_baseline = later(QUALITY, "check_baseline")
check_leakage = later(QUALITY, "check_leakage")
check_calibration = later(QUALITY, "check_calibration")
check_gap = later(QUALITY, "check_gap")
check_champion = later("nightshift.core.gate.champion", "check_champion")
check_best_champion = later("nightshift.core.gate.best_champion", "check_best_champion")
check_overlap = later("nightshift.core.gate.overlap", "check_overlap")
check_naive = later("nightshift.core.gate.naive", "check_naive")
check_suspect = later("nightshift.core.gate.suspects", "check_suspect")
check_slices = later("nightshift.core.gate.slices", "check_slices")


def _check_leakage(case: GateCase) -> Any:
    limit = case.gate.leak_limit
    return None if limit is None else check_leakage(case.evidence, limit, case.task)


def _check_calibration(case: GateCase) -> Any:
    limit = case.gate.calibration_error
    return (
        None
        if limit is None or not find_task(case.task).decides
        else check_calibration(case.evidence, case.gate, limit)
    )


def _check_gap(case: GateCase) -> Any:
    limit = case.gate.train_gap
    return None if limit is None else check_gap(case.evidence, limit, case.metric)


SHIPPED: dict[str, Check] = {
    "min_rows": lambda case: check_rows(case.evidence, case.gate),
    "features": lambda case: check_features(case.evidence),
    "reload": lambda case: check_reload(case.evidence, case.gate),
    "predictor": lambda case: check_predictor(case.evidence),
    "sanity": lambda case: check_sanity(case.evidence, case.task),
    "overlap": check_overlap,
    "floor": lambda case: check_floor(case.evidence, case.gate, case.metric),
    "floors": lambda case: check_floors(case.evidence, case.gate),
    "baseline": check_baseline,
    "naive": check_naive,
    "leakage": _check_leakage,
    "suspect": check_suspect,
    "calibration": _check_calibration,
    "gap": _check_gap,
    "champion": check_champion,
    "best_champion": check_best_champion,
    "slices": check_slices,
}

for _name, _check in SHIPPED.items():
    GATE_RULES.register(GateRule(_name, _check))
