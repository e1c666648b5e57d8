"""Does retraining pay where the truth is known? Fourteen kinds of worlds under three policies, with default settings.

Each day has rows of its own and a noise of its own, in the inputs and in the outcome. A linear model is fitted on up to
60 days, judged on the last seven by the paired bootstrap, and takes over where it is not worse by more than a twentieth
of the champion's gain over the naive guess. Outcomes are known the next morning. Drift asks for nothing here: a drift
run costs more than all the rest, and what outcomes and age ask for is what is measured.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from nightshift.config.sections.retrain import Retrain
from nightshift.core.evaluation.bootstrap import Resampling, bootstrap_gain
from nightshift.core.evaluation.weighted_metrics import measure_rows
from nightshift.core.performance.tolerance import Night, check_tolerance
from nightshift.core.retraining.policy import PastRequest, Signals, decide_retraining
from nightshift.core.retraining.replay import measure_recovered, sum_up_metric

FIRST = date(2026, 1, 1)
NIGHTS, LEARNED, WINDOW, HELD = 90, 40, 60, 7
EFFECTS = np.array([1.0, 0.7, 0.5, 0.3, 0.0, 0.0])
# What the effects become where the relation changes.
CHANGED = np.array([0.0, 0.4, -0.3, 0.2, 0.7, -0.3])
# Below this gain of always over never, in the metric's unit, there is nothing to recover.
NOTHING = 0.005
SETTINGS = {
    # Until now: no trials, and a proven loss waited as long as the trials before it had taught.
    "before": Retrain(max_age_days=None),
    "defaults": Retrain(),
}


@dataclass(frozen=True)
class Moment:
    """A day of a world: how far its replay has come (0 to 1, 0 before it), and whether its change has come."""

    day: int
    progress: float
    changed: bool
    over: bool


@dataclass(frozen=True)
class Shape:
    """What a day's rows are drawn from."""

    effects: np.ndarray
    shift: float = 0.0
    # The models are linear and can't see it: a shift of the inputs changes what fits best.
    bend: float = 0.0
    level: float = -1.0


@dataclass(frozen=True)
class World:
    """A kind of world: the shape of each day, rows a day, and how far days differ by themselves."""

    shape: Callable[[Moment], Shape]
    task: str = "classification"
    rows: int = 300
    day_inputs: float = 0.15
    day_outcome: float = 0.3


def _mix(share: float) -> np.ndarray:
    return EFFECTS * (1 - share) + CHANGED * share


def _season(moment: Moment) -> float:
    return float(np.sin(2 * np.pi * moment.day / 120))


WORLDS = {
    "nothing changes": World(lambda m: Shape(EFFECTS)),
    "nothing changes, days differ much": World(lambda m: Shape(EFFECTS), day_inputs=0.3, day_outcome=0.8),
    "sudden, relation": World(lambda m: Shape(CHANGED if m.changed else EFFECTS)),
    "sudden, relation, numbers": World(lambda m: Shape(CHANGED if m.changed else EFFECTS), "regression"),
    "sudden, inputs": World(lambda m: Shape(EFFECTS, 0.8 * m.changed)),
    "sudden, inputs, bent relation": World(lambda m: Shape(EFFECTS, 1.5 * m.changed, -0.6)),
    "sudden, both": World(lambda m: Shape(CHANGED if m.changed else EFFECTS, 0.8 * m.changed)),
    "gradual, relation": World(lambda m: Shape(_mix(m.progress))),
    "gradual, relation, 24 rows a day": World(lambda m: Shape(_mix(m.progress)), "regression", 24),
    "gradual, inputs, bent relation": World(lambda m: Shape(EFFECTS, 2 * m.progress, -0.6)),
    "growth": World(lambda m: Shape(EFFECTS, level=3 * m.progress), "regression"),
    "season, relation": World(lambda m: Shape(_mix(0.5 + 0.5 * _season(m)))),
    "season, inputs": World(lambda m: Shape(EFFECTS, 0.8 * _season(m))),
    "ten days, then over": World(lambda m: Shape(CHANGED if m.changed and not m.over else EFFECTS)),
}


@dataclass(frozen=True)
class Day:
    """The rows of one day."""

    inputs: np.ndarray
    target: np.ndarray


def draw_world(world: World, seed: int) -> list[Day]:
    """All days, those that the first model learns from included."""
    generator = np.random.default_rng(seed)
    since = LEARNED + int(generator.integers(NIGHTS // 6, NIGHTS // 2))
    return [
        _draw_day(world, Moment(day, max(0, day - LEARNED) / NIGHTS, day >= since, day >= since + 10), generator)
        for day in range(LEARNED + NIGHTS)
    ]


def _draw_day(world: World, moment: Moment, generator: np.random.Generator) -> Day:
    shape, columns = world.shape(moment), len(EFFECTS)
    inputs = generator.normal(size=(world.rows, columns)) + world.day_inputs * generator.normal(size=columns)
    inputs[:, 0] += shape.shift
    expected = inputs @ shape.effects + shape.bend * inputs[:, 0] ** 2 + shape.level
    expected = expected + world.day_outcome * generator.normal()
    if world.task == "regression":
        return Day(inputs, expected + generator.normal(size=world.rows))
    return Day(inputs, (generator.random(world.rows) < 1 / (1 + np.exp(-expected))).astype(float))


@dataclass(frozen=True)
class Model:
    """Coefficients, and what it was judged by on the days up to `last`."""

    weights: np.ndarray
    promised: float
    held: range

    def predict(self, inputs: np.ndarray, task: str) -> np.ndarray:
        """A probability, or a value."""
        values: np.ndarray = self.weights[0] + inputs @ self.weights[1:]
        return values if task == "regression" else 1 / (1 + np.exp(-values))


class History:
    """A drawn world, and the candidate of each day: no policy changes either."""

    def __init__(self, world: World, seed: int) -> None:
        self.task, self.days = world.task, draw_world(world, seed)
        self.metric = "r2" if world.task == "regression" else "roc_auc"
        self._models: dict[int, Model] = {}

    def join(self, days: range) -> Day:
        """The rows of several days."""
        chosen = [self.days[day] for day in days]
        return Day(np.concatenate([day.inputs for day in chosen]), np.concatenate([day.target for day in chosen]))

    def train(self, last: int) -> Model:
        """The candidate of the morning after day `last`."""
        if last not in self._models:
            first, held = max(0, last + 1 - WINDOW), range(last + 1 - HELD, last + 1)
            weights = fit_weights(self.join(range(first, held.start)), self.task)
            judged, model = self.join(held), Model(weights, 0.0, held)
            promised = measure_rows(self.metric, judged.target, model.predict(judged.inputs, self.task))
            self._models[last] = Model(weights, promised, held)
        return self._models[last]

    def judge(self, candidate: Model, champion: Model) -> tuple[bool, bool]:
        """Whether the candidate is promoted, and whether it proved better."""
        rows = self.join(candidate.held)
        ours, theirs = (model.predict(rows.inputs, self.task) for model in (candidate, champion))
        found = bootstrap_gain(self.metric, rows.target, ours, theirs, Resampling(200, 0.95, 7))
        naive = 0.0 if self.task == "regression" else 0.5
        margin = max(0.0, measure_rows(self.metric, rows.target, theirs) - naive) / 20
        return bool(found.low > -margin), bool(found.low > 0)


def fit_weights(rows: Day, task: str) -> np.ndarray:
    """Ridge, or logistic regression by Newton's steps, with a penalty of one row's size."""
    inputs = np.column_stack([np.ones(len(rows.target)), rows.inputs])
    penalty = np.eye(inputs.shape[1])
    if task == "regression":
        return np.linalg.solve(inputs.T @ inputs + penalty, inputs.T @ rows.target)
    weights = np.zeros(inputs.shape[1])
    for _ in range(8):
        chance = 1 / (1 + np.exp(-inputs @ weights))
        slope = (inputs * (chance * (1 - chance))[:, None]).T @ inputs + penalty
        weights = weights + np.linalg.solve(slope, inputs.T @ (rows.target - chance) - weights)
    return weights


def replay_policy(history: History, policy: str) -> tuple[float, int]:
    """The metric over all nights, and how many trainings there were."""
    champion = history.train(LEARNED - 1)
    own: list[Night] = []
    requests: list[PastRequest] = []
    scored: list[Night] = []
    trained = 0
    for day in range(LEARNED, LEARNED + NIGHTS):
        rows = history.days[day]
        own.append(Night(_date(day), rows.target, champion.predict(rows.inputs, history.task)))
        scored.append(own[-1])
        if policy == "never" or (policy in SETTINGS and not _asks(history, SETTINGS[policy], champion, own, requests)):
            continue
        trained += 1
        candidate = history.train(day)
        promoted, improved = history.judge(candidate, champion)
        requests.insert(0, PastRequest(str(day), _date(day), _date(day + 1), False, improved))
        if promoted:
            champion, own = candidate, []
    total = sum_up_metric(history.metric, [n.target for n in scored], [n.predicted for n in scored])
    return total.choose(history.metric), trained


def _asks(
    history: History, limits: Retrain, champion: Model, own: Sequence[Night], requests: Sequence[PastRequest]
) -> bool:
    """What the shipped policy says."""
    judged, as_of = len(history.join(champion.held).target), own[-1].partition
    found = check_tolerance(own[-40:], history.metric, champion.promised, judged, limits.performance, 7)
    signals = Signals(
        as_of=as_of,
        today=as_of + timedelta(days=1),
        drifted=[False],
        drift_reason="not looked at",
        window_from=as_of,
        broken=(),
        realised=found.to_record() if found else None,
        estimated=None,
        judged_to=_date(champion.held[-1]),
        matured_to=as_of,
        requests=requests,
        new_labels=limits.min_new_labels,
    )
    decided = decide_retraining(signals, limits)
    if limits.max_age_days is None and decided.decision == "retrain" and requests:
        # As it was before, a proven loss, too, waits as long as fruitless trainings have taught.
        calm = decide_retraining(_forget_proof(signals), limits)
        return all(found.met for found in calm.criteria if found.name == "cooldown")
    return decided.decision == "retrain"


def _forget_proof(signals: Signals) -> Signals:
    values: dict[str, Any] = {**vars(signals), "realised": None}
    return Signals(**values)


def _date(day: int) -> date:
    return FIRST + timedelta(days=day)


def _replay_world(task: tuple[str, int]) -> dict[str, tuple[float, int]]:
    name, seed = task
    history = History(WORLDS[name], seed)
    return {policy: replay_policy(history, policy) for policy in ("never", "always", *SETTINGS)}


def measure(count: int, seed: int) -> list[dict[str, Any]]:
    """A row for each kind of world, of `count` / 10 worlds, and one for all in which there is something to gain."""
    repeats = max(1, count // 10)
    tasks = [(name, seed * 10_000 + 100 * kind + at) for kind, name in enumerate(WORLDS) for at in range(repeats)]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        replayed = list(pool.map(_replay_world, tasks, chunksize=2))
    groups = {
        name: [found for (kind, _), found in zip(tasks, replayed, strict=True) if kind == name] for name in WORLDS
    }
    rows = [_describe(name, found) for name, found in groups.items()]
    return [*rows, _sum_up(groups)]


def _average(found: Sequence[dict[str, tuple[float, int]]], policy: str, which: int) -> float:
    return float(np.mean([one[policy][which] for one in found]))


def _recover(found: Sequence[dict[str, tuple[float, int]]], policy: str) -> float | None:
    """The share of all gain of these worlds; None where always retraining gains nothing worth it."""
    ours, never, always = (_average(found, name, 0) for name in (policy, "never", "always"))
    return measure_recovered("roc_auc", ours, never, always) if always - never >= NOTHING else None


def _share_trainings(found: Sequence[dict[str, tuple[float, int]]], policy: str) -> str:
    return f"{_average(found, policy, 1) / NIGHTS:.1%}"


def _format(share: float | None) -> str:
    return "nothing to gain" if share is None else f"{share:.0%}"


def _describe(name: str, found: Sequence[dict[str, tuple[float, int]]]) -> dict[str, Any]:
    return {
        "world": name,
        "always gains": f"{_average(found, 'always', 0) - _average(found, 'never', 0):.3f}",
        **{f"recovered, {policy}": _format(_recover(found, policy)) for policy in SETTINGS},
        **{f"trainings, {policy}": _share_trainings(found, policy) for policy in SETTINGS},
    }


def _sum_up(groups: dict[str, list[dict[str, tuple[float, int]]]]) -> dict[str, Any]:
    """The mean of the kinds in which there is something to gain; the trainings of all."""
    shares = {policy: [_recover(found, policy) for found in groups.values()] for policy in SETTINGS}
    known = {policy: [share for share in found if share is not None] for policy, found in shares.items()}
    everything = [one for found in groups.values() for one in found]
    return {
        "world": "mean of the kinds with something to gain",
        "always gains": "",
        **{f"recovered, {policy}": _format(float(np.mean(found))) for policy, found in known.items()},
        **{f"trainings, {policy}": _share_trainings(everything, policy) for policy in SETTINGS},
    }
