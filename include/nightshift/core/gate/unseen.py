"""The held-out rows that are new to the champion: on those that it was fitted on it would look better than it is."""

import math
from dataclasses import replace
from datetime import timedelta

import numpy as np

from nightshift.config.sections.gate import Gate
from nightshift.core.gate.comparison import MIN_DAYS
from nightshift.core.gate.evidence import Evidence


def take_unseen(evidence: Evidence) -> Evidence:
    """The same on the rows of days after the last one that the champion was fitted on."""
    if evidence.champion_fitted_to is None:
        return evidence
    kept = evidence.days > np.datetime64(evidence.champion_fitted_to, "D")
    return evidence if kept.all() else _take_rows(evidence, kept)


def _take_rows(evidence: Evidence, kept: np.ndarray) -> Evidence:
    every = (evidence.candidate, evidence.champion, evidence.best)
    candidate, champion, best = (None if scores is None else scores[kept] for scores in every)
    return replace(
        evidence,
        target=evidence.target[kept],
        days=evidence.days[kept],
        rows=evidence.rows[kept],
        baseline=evidence.baseline[kept],
        candidate=candidate,
        champion=champion,
        best=best,
    )


def find_seen(evidence: Evidence, gate: Gate) -> str:
    """Why too few held-out rows are new to the champion, and when it can be evaluated; empty where enough are."""
    fitted_to, unseen = evidence.champion_fitted_to, take_unseen(evidence)
    rows, days = len(unseen.target), len(np.unique(unseen.days))
    least = max(1, MIN_DAYS[gate.resample])
    if fitted_to is None or rows == len(evidence.target) or (rows >= gate.min_rows and days >= least):
        return ""
    rows_a_day = len(evidence.target) / len(np.unique(evidence.days))
    needed = max(least, math.ceil(gate.min_rows / rows_a_day))
    return (
        f"version {evidence.champion_version} was fitted on days up to {fitted_to}, so {rows} of "
        f"{len(evidence.target)} held-out rows are new to it, and {gate.min_rows} rows of {least} days are needed; "
        f"train on outcomes up to {fitted_to + timedelta(days=needed)} or later to compare"
    )
