"""What is different from the champion before, and what happened to the pipeline's champions before."""

from collections.abc import Sequence
from typing import Any

from nightshift.core.cards.card_inputs import Record

MAX_PROMOTIONS = 10


def describe_changes(version: Record, champion: Record | None, promotions: Sequence[Record]) -> dict[str, Any]:
    """The differences to the champion that the gate compared with, and the last promotions before the decision."""
    shown = ("version", "previous_version", "promoted_at", "promoted_by", "kind", "approved_by", "reason")
    return {
        "compared_with": champion["version"] if champion else None,
        "differences": compare_versions(version, champion) if champion else [],
        "promotions": [{name: row[name] for name in shown} for row in list(promotions)[-MAX_PROMOTIONS:]],
    }


def compare_versions(version: Record, champion: Record) -> list[str]:
    """What changed from `champion` to `version`, one sentence each."""
    said = []
    if version["estimator"] != champion["estimator"]:
        said.append(f"Estimator: {champion['estimator']} became {version['estimator']}.")
    elif version["parameters"] != champion["parameters"]:
        said.append("Parameters of the estimator.")
    added, removed = _compare_features(version, champion)
    if added:
        said.append(f"Features added: {', '.join(added)}.")
    if removed:
        said.append(f"Features removed: {', '.join(removed)}.")
    window = [f"{record['train_from']} to {record['train_to']}" for record in (champion, version)]
    if window[0] != window[1]:
        said.append(f"Training data: {window[0]} became {window[1]}.")
    for name, what in (("config_sha256", "pipeline.yaml or expectations.yaml"), ("code_version", "code")):
        if version[name] != champion[name]:
            said.append(f"A change of {what}: {champion[name][:12]} became {version[name][:12]}.")
    return said or ["Nothing but the seed or the search's outcome."]


def _compare_features(version: Record, champion: Record) -> tuple[list[str], list[str]]:
    ours, theirs = (
        [*record["features"]["numeric"], *record["features"]["categorical"]] for record in (version, champion)
    )
    return [name for name in ours if name not in theirs], [name for name in theirs if name not in ours]
