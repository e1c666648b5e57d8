"""Held-out rows must be new: a score on rows that were fitted says nothing about tomorrow's."""

from nightshift.core.gate.case import GateCase
from nightshift.core.gate.rule import Rule

# Half of the held-out rows, with outcomes that follow the fitted ones. A snapshot has nearly all rows and an agreement
# of 1; new outcomes of the same customers or sensors agree by half at most: docs/explanation/gate.md has the figures.
MAX_REPEATED = 0.5
MAX_AGREEMENT = 0.8


def check_overlap(case: GateCase) -> Rule | None:
    """The held-out rows are not the fitted ones over again. None where that was not measured."""
    found = case.evidence.overlap
    if found is None:
        return None
    figures = {"keys": found.keys, "repeated": found.repeated, "agreement": found.agreement}
    text = (
        f"{found.keys:.0%} of the held-out rows have a key that was fitted, {found.repeated:.0%} all features as well"
    )
    if found.repeated > MAX_REPEATED and found.agreement > MAX_AGREEMENT:
        text = (
            f"{text}, and its outcome: the same rows come every day, so held-out rows say nothing about new ones. "
            "Deliver each row once, on the day on which it is new or its outcome becomes known"
        )
        return Rule("overlap", False, figures, text)
    return Rule("overlap", True, figures, text)
