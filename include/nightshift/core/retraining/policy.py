"""What is known tonight -> retrain or wait, with every criterion's figures.

Causes ask for a training: drift, performance, age. Guards hold it back, each of them alone: broken data, an open
request, the cooldown, the day's budget, too few new outcomes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

from nightshift.config.sections.retrain import Retrain


@dataclass(frozen=True)
class Criterion:
    """One cause or guard: a cause that is met asks for a training, a guard that is not met holds it back.

    `met` is None where it could not be told; that never asks for anything.
    """

    name: str
    kind: Literal["cause", "guard"]
    met: bool | None
    value: Any
    limit: Any
    reason: str

    def to_record(self) -> dict[str, Any]:
        """As plain values, without the name."""
        return {"kind": self.kind, "met": self.met, "value": self.value, "limit": self.limit, "reason": self.reason}


@dataclass(frozen=True)
class PastRequest:
    """A training that the policy asked for before; `improved` where its version proved better than the champion."""

    run_id: str
    as_of: date
    requested_on: date
    is_open: bool
    improved: bool | None


@dataclass(frozen=True)
class Signals:
    """All that the policy looks at."""

    as_of: date
    today: date
    # The champion's last drift verdicts, newest first; None is unknown.
    drifted: Sequence[bool | None]
    drift_reason: str
    # The first of the nights that were compared.
    window_from: date
    # Columns whose data are at fault.
    broken: Sequence[str]
    # Records of core/band.ToleranceResult.
    realised: dict[str, Any] | None
    estimated: dict[str, Any] | None
    # The last day that the champion was evaluated on, and the last one whose outcomes are known.
    judged_to: date
    matured_to: date
    # Every request, newest first.
    requests: Sequence[PastRequest]
    new_labels: int


@dataclass(frozen=True)
class RetrainDecision:
    """The policy's answer, in words, and every criterion."""

    decision: Literal["retrain", "wait"]
    reason: str
    criteria: tuple[Criterion, ...]


def decide_retraining(signals: Signals, limits: Retrain) -> RetrainDecision:
    """Retrain where a cause asks for it and no guard holds it back."""
    causes = (check_drift(signals, limits), *check_performance(signals, limits), check_age(signals, limits))
    guards = (
        check_data(signals),
        check_request(signals),
        check_cooldown(signals, limits),
        check_budget(signals, limits),
        check_labels(signals, limits),
    )
    asking = [cause for cause in causes if cause.met]
    holding = [guard for guard in guards if not guard.met]
    criteria = (*causes, *guards)
    if not asking:
        return RetrainDecision("wait", _join(c for c in causes if c.met is None) or causes[0].reason, criteria)
    if holding:
        return RetrainDecision("wait", f"{_join(holding)}. Otherwise: {_join(asking)}", criteria)
    return RetrainDecision("retrain", _join(asking), criteria)


def check_drift(signals: Signals, limits: Retrain) -> Criterion:
    """Drift tonight, and on enough of the last nights: one night alone may be a holiday."""
    found = signals.drifted[: limits.recent_runs]
    count = sum(1 for drifted in found if drifted)
    needed = f"{limits.min_drifted_runs} of {limits.recent_runs}"
    text = f"{count} of the last {len(found)} drift runs found drift, {needed} are needed"
    tonight = found[0] if found else None
    met = None if tonight is None else tonight and count >= limits.min_drifted_runs
    if met and limits.harmless_drift == "wait" and is_harmless(signals.realised, signals.window_from):
        met, text = False, f"{text}, but the scores of these days are within tolerance"
    return Criterion("drift", "cause", met, count, limits.min_drifted_runs, f"{text}: {signals.drift_reason}")


def is_harmless(realised: dict[str, Any] | None, window_from: date) -> bool:
    """Whether outcomes reach into the nights that were compared, and the champion is within its band."""
    return bool(realised and realised["below"] is False and date.fromisoformat(realised["last"]) >= window_from)


def check_performance(signals: Signals, limits: Retrain) -> tuple[Criterion, Criterion]:
    """Out of the band, by outcomes; and by the estimate, which is ahead of them."""
    estimated = signals.estimated if limits.performance.estimated else None
    return _check_band("realised", signals.realised), _check_band("estimated", estimated)


def _check_band(name: str, record: dict[str, Any] | None) -> Criterion:
    if record is None:
        return Criterion(name, "cause", False, None, None, f"nothing {name} yet")
    reason = f"{name} performance {record['reason']}"
    return Criterion(name, "cause", record["below"], record["value"], record["limit"], reason)


def check_age(signals: Signals, limits: Retrain) -> Criterion:
    """So many days of outcomes are newer than the champion's: a trial, whose worth the gate measures.

    No alarm tells a slow change before it has cost much. A trial does, and the cooldown makes it rare where it does not
    pay. Days without outcomes do not count: a training would learn nothing from them.
    """
    age = max(0, (signals.matured_to - signals.judged_to).days)
    met = limits.max_age_days is not None and age >= limits.max_age_days
    text = f"{age} days of outcomes are newer than the champion's; the limit is {limits.max_age_days or 'not set'}"
    return Criterion("age", "cause", met, age, limits.max_age_days, text)


def check_data(signals: Signals) -> Criterion:
    """A model trained on broken data would be broken too."""
    names = ", ".join(signals.broken)
    text = f"the data are at fault in {names}; fix them first" if names else "no column is at fault"
    return Criterion("data", "guard", not names, list(signals.broken), [], text)


def check_request(signals: Signals) -> Criterion:
    """One training at a time."""
    running = next((request.run_id for request in signals.requests if request.is_open), None)
    text = f"the training {running} is not over yet" if running else "no training is under way"
    return Criterion("open_request", "guard", running is None, running, None, text)


def check_cooldown(signals: Signals, limits: Retrain) -> Criterion:
    """Longer and longer while trainings do not pay; as set where outcomes prove that the champion lost."""
    proven = bool(signals.realised and signals.realised["below"])
    days = limits.cooldown_days if proven else find_cooldown(signals.requests, limits)
    earlier = [request.as_of for request in signals.requests if request.as_of <= signals.as_of]
    if not earlier:
        return Criterion("cooldown", "guard", True, None, days, "no training was asked for before")
    ready = max(earlier) + timedelta(days=days)
    fruitless = 0 if proven else count_without_improvement(signals.requests)
    why = f", after {fruitless} in a row that did not prove better" if fruitless else ""
    text = f"{days} days of cooldown after the training of {max(earlier)}{why}, until {ready}"
    return Criterion("cooldown", "guard", signals.as_of >= ready, str(max(earlier)), days, text)


def find_cooldown(requests: Sequence[PastRequest], limits: Retrain) -> int:
    """Days: `cooldown_days`, times `cooldown_factor` for every training since the last one that proved better."""
    # The exponent is bounded, since a float overflows.
    days = limits.cooldown_days * limits.cooldown_factor ** min(count_without_improvement(requests), 64)
    return int(min(days, limits.max_cooldown_days))


def count_without_improvement(requests: Sequence[PastRequest]) -> int:
    """Trainings that are over and did not prove better, since the last one that did."""
    count = 0
    for request in requests:
        if request.improved:
            break
        count += not request.is_open
    return count


def check_budget(signals: Signals, limits: Retrain) -> Criterion:
    """By the calendar: a backfill of many drift runs happens on one day."""
    spent = sum(1 for request in signals.requests if request.requested_on == signals.today)
    text = f"{spent} of {limits.budget} trainings were asked for today ({signals.today})"
    return Criterion("budget", "guard", spent < limits.budget, spent, limits.budget, text)


def check_labels(signals: Signals, limits: Retrain) -> Criterion:
    """Training again on what the last one knew can't give another answer, above all after a failed gate."""
    text = f"{signals.new_labels} outcomes are new since the last training, {limits.min_new_labels} are needed"
    enough = signals.new_labels >= limits.min_new_labels
    return Criterion("new_labels", "guard", enough, signals.new_labels, limits.min_new_labels, text)


def _join(criteria: Iterable[Criterion]) -> str:
    return "; ".join(criterion.reason for criterion in criteria)
