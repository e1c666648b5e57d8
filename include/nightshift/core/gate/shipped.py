"""The rules that ship, in the order in which they are told."""

from collections.abc import Callable

from nightshift.core.gate.case import GateCase
from nightshift.core.gate.champion import check_champion
from nightshift.core.gate.quality import (
    check_baseline,
    check_calibration,
    check_floor,
    check_floors,
    check_gap,
    check_leakage,
)
from nightshift.core.gate.rule import Rule
from nightshift.core.gate.serving import check_features, check_predictor, check_reload, check_rows, check_sanity
from nightshift.core.gate.slices import check_slices
from nightshift.extension.gate_rules import GATE_RULES, GateRule
from nightshift.extension.tasks import find_task

Check = Callable[[GateCase], Rule | tuple[Rule, ...] | None]


def _check_leakage(case: GateCase) -> Rule | None:
    limit = case.gate.leak_limit
    return None if limit is None else check_leakage(case.evidence, limit, case.task)


def _check_calibration(case: GateCase) -> Rule | None:
    limit = case.gate.calibration_error
    return None if limit is None or not find_task(case.task).decides else check_calibration(case.evidence, limit)


def _check_gap(case: GateCase) -> Rule | None:
    limit = case.gate.train_gap
    return None if limit is None else check_gap(case.evidence, limit, case.metric)


SHIPPED: dict[str, Check] = {
    "min_rows": lambda case: check_rows(case.evidence, case.gate),
    "features": lambda case: check_features(case.evidence),
    "reload": lambda case: check_reload(case.evidence, case.gate),
    "predictor": lambda case: check_predictor(case.evidence),
    "sanity": lambda case: check_sanity(case.evidence, case.task),
    "floor": lambda case: check_floor(case.evidence, case.gate, case.metric),
    "floors": lambda case: check_floors(case.evidence, case.gate),
    "baseline": check_baseline,
    "leakage": _check_leakage,
    "calibration": _check_calibration,
    "gap": _check_gap,
    "champion": check_champion,
    "slices": check_slices,
}

for _name, _check in SHIPPED.items():
    GATE_RULES.register(GateRule(_name, _check))
