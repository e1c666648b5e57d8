"""What keeps a training set from teaching anything."""

from collections.abc import Sequence

import pandas as pd

from nightshift.extension.tasks import find_task

MIN_DAYS = 3


def find_training_problems(
    frame: pd.DataFrame, target: pd.Series, days: pd.Series, features: Sequence[str], task: str, min_rows: int
) -> list[str]:
    """Too few days or rows, an outcome that never changes, features that are empty throughout; none is fine."""
    problems = []
    if days.nunique() < MIN_DAYS:
        problems.append(f"{days.nunique()} days have outcomes; at least {MIN_DAYS} are needed to split by time")
    if len(frame) < min_rows:
        problems.append(f"{len(frame)} rows have outcomes; gate.min_rows asks for {min_rows} held-out rows alone")
    if target.nunique() < 2:
        problems.append(f"the outcome has a single {find_task(task).outcome_noun} ({target.iloc[0]:g})")
    empty = [name for name in features if frame[name].isna().all()]
    if len(empty) == len(features):
        problems.append("every feature is empty")
    return problems
