"""A version becomes the champion because a person says so."""

from nightshift.config.pipeline import PipelineConfig
from nightshift.config.project import COMMAND
from nightshift.errors import NightshiftError
from nightshift.io.registry import (
    ChampionChanged,
    ModelVersion,
    PromotionRequest,
    find_champion,
    promote,
    require_usable_version,
)
from nightshift.io.resources import Resources
from nightshift.steps.outcome import Outcome
from nightshift.steps.serving.check import require_servable

MAX_REASON = 1000


def promote_by_hand(
    config: PipelineConfig, resources: Resources, version: int, promoted_by: str, reason: str
) -> Outcome:
    """Make the version champion, whatever the gate said; it must be able to score, as a fresh process shows first.

    Done without a change where it already is the champion; stopped where another one took over meanwhile.
    Figures: version, previous_version, changed.
    """
    reason = check_reason(reason)
    with resources.warehouse.begin() as connection:
        wanted = require_usable_version(connection, config.name, version)
        champion = find_champion(connection, config.name)
    previous = champion.version if champion else None
    if previous == version:
        return describe_unchanged(config, version)
    require_usable(config, resources, wanted)
    return change_champion(config, resources, PromotionRequest(version, previous, promoted_by, reason, kind="manual"))


def change_champion(config: PipelineConfig, resources: Resources, request: PromotionRequest) -> Outcome:
    """Compare-and-set; stopped where the champion no longer is the expected one.

    Figures: version, previous_version, changed.
    """
    try:
        with resources.warehouse.begin() as connection:
            promote(connection, config.name, request)
    except ChampionChanged as error:
        look = f"Look at it and ask again if it still is right: {COMMAND} models {config.name}"
        return Outcome("stopped", f"{config.name}: nothing was changed: {error}. {look}")
    figures = {"version": request.version, "previous_version": request.expected, "changed": True}
    return Outcome("done", figures=figures)


def check_reason(reason: str) -> str:
    """The reason without blanks around it; NightshiftError where it says nothing or too much."""
    reason = reason.strip()
    if not reason:
        raise NightshiftError("Give a reason: it is kept for later readers and must not be empty.")
    if len(reason) > MAX_REASON:
        raise NightshiftError(f"The reason has {len(reason)} characters; at most {MAX_REASON} are kept.")
    return reason


def require_usable(config: PipelineConfig, resources: Resources, version: ModelVersion) -> None:
    """NightshiftError unless tonight's features hold what the version needs and a fresh process can score with it."""
    missing = [name for name in version.feature_names if name not in config.spec.features.names]
    if missing:
        raise NightshiftError(
            f"{config.name}: version {version.version} needs {', '.join(missing)}, which pipeline.yaml does not name "
            "among the features any longer. Nothing was changed."
        )
    require_servable(config, resources, version)


def describe_unchanged(config: PipelineConfig, version: int) -> Outcome:
    """The outcome where there was nothing to change."""
    unchanged = {"version": version, "previous_version": version, "changed": False}
    return Outcome("done", f"{config.name}: version {version} already is the champion; nothing was changed", unchanged)
