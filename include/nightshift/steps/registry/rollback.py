"""An earlier champion takes over again, and scores again what the later one has scored."""

import logging
from collections.abc import Sequence
from datetime import date

from sqlalchemy import Connection

from nightshift.config.days import list_days
from nightshift.config.horizons import MAX_RANGE_DAYS
from nightshift.config.pipeline import PipelineConfig
from nightshift.config.project import COMMAND
from nightshift.core.gate.rollback_target import find_previous
from nightshift.errors import NightshiftError, TemporarilyUnavailable
from nightshift.io.ledger.entries import find_entries
from nightshift.io.registry import (
    ModelVersion,
    Promotion,
    PromotionRequest,
    find_champion,
    list_promotions,
    require_usable_version,
)
from nightshift.io.resources import Resources
from nightshift.steps.handover import Scored, take
from nightshift.steps.outcome import Outcome
from nightshift.steps.registry.promotions import change_champion, check_reason, describe_unchanged, require_usable
from nightshift.steps.runs import Report
from nightshift.steps.score.publish import publish_scores
from nightshift.steps.score.score import score_partition

log = logging.getLogger(__name__)


def roll_back(
    config: PipelineConfig,
    resources: Resources,
    to: int | None,
    rolled_back_by: str,
    reason: str,
    run_id: str | None = None,
) -> Outcome:
    """Make version `to`, or the champion before the present one, champion again.

    It must be able to score, as a fresh process shows before anything changes. Done without a change where it already
    is the champion, or where the run `run_id` did it before; stopped where another version took over meanwhile.
    Figures: version, previous_version, changed.
    """
    reason = check_reason(reason)
    with resources.warehouse.begin() as connection:
        history = list_promotions(connection, config.name)
        champion = _require_champion(connection, config.name)
        earlier = next((promotion for promotion in history if run_id and promotion.run_id == run_id), None)
        if earlier:
            return _describe_repeat(config, earlier, champion)
        target = _choose_target(connection, config.name, champion, history, to)
    if target.version == champion:
        return describe_unchanged(config, champion)
    require_usable(config, resources, target)
    request = PromotionRequest(target.version, champion, rolled_back_by, reason, kind="rollback", run_id=run_id)
    return change_champion(config, resources, request)


def rescore_partitions(
    config: PipelineConfig, resources: Resources, version: int, first: date, last: date, reason: str, report: Report
) -> Outcome:
    """Score every partition from `first` to `last` that has features with that version, and publish it: a commit each.

    Stopped where one of them fails; the others are done all the same. NightshiftError where none has features.
    Figures: partitions (scored again), rows, without_features, failed; the days as ISO dates.
    """
    days = list_window(first, last)
    with resources.warehouse.begin() as connection:
        require_usable_version(connection, config.name, version)
        found = [entry.partition for entry in find_entries(connection, config.name, "features", days)]
    if not found:
        raise NightshiftError(
            f"{config.name}: no partition from {first} to {last} has features, so nothing was scored again; "
            f"{COMMAND} run {config.name} ingest --from {first} --to {last}"
        )
    outcomes = {}
    for partition in found:
        outcomes[partition] = _rescore(config, resources, partition, version, reason)
        report(f"rescore {partition}", outcomes[partition])
    failed = {partition: outcome.reason for partition, outcome in outcomes.items() if outcome.status != "done"}
    figures = {
        "partitions": [str(partition) for partition in found if partition not in failed],
        "rows": sum(outcome.figures["rows"] for outcome in outcomes.values() if outcome.status == "done"),
        "without_features": [str(day) for day in days if day not in outcomes],
        "failed": [str(partition) for partition in failed],
    }
    if failed:
        return Outcome("stopped", _explain_failures(config.name, version, failed, len(found)), figures)
    return Outcome("done", figures=figures)


def list_window(first: date, last: date) -> list[date]:
    """Every day from `first` to `last`; NightshiftError where that is no sensible window."""
    days = list_days(first, last)
    if not 0 < len(days) <= MAX_RANGE_DAYS:
        raise NightshiftError(
            f"can't score again from {first} to {last}: the last day must not be before the first one, nor more than "
            f"{MAX_RANGE_DAYS} days after it"
        )
    return days


def _require_champion(connection: Connection, pipeline: str) -> int:
    champion = find_champion(connection, pipeline)
    if champion is None:
        raise NightshiftError(
            f"{pipeline} has no champion, so there is nothing to roll back: {COMMAND} models {pipeline}"
        )
    return champion.version


def _describe_repeat(config: PipelineConfig, earlier: Promotion, champion: int) -> Outcome:
    """A run that is run again must not go back one more."""
    if champion != earlier.version:
        reason = f"this run rolled back to version {earlier.version} before, and version {champion} took over since"
        return Outcome("stopped", f"{config.name}: {reason}. Start a new run to roll back again.")
    figures = {"version": earlier.version, "previous_version": earlier.previous_version, "changed": False}
    return Outcome("done", f"{config.name}: this run rolled back to version {earlier.version} before", figures)


def _choose_target(
    connection: Connection, pipeline: str, champion: int, history: Sequence[Promotion], to: int | None
) -> ModelVersion:
    if to is None:
        to = find_previous([(promotion.kind, promotion.version) for promotion in history])
    if to is None:
        raise NightshiftError(
            f"{pipeline}: there is no champion before version {champion} to go back to; name a version, if there is "
            f"one that was champion: {COMMAND} models {pipeline}"
        )
    target = require_usable_version(connection, pipeline, to)
    if all(promotion.version != to for promotion in history):
        raise NightshiftError(
            f"{pipeline}: version {to} never was champion, so there is no rolling back to it. To promote it "
            f"anyway: {COMMAND} promote {pipeline} {to} --reason …"
        )
    return target


def _rescore(config: PipelineConfig, resources: Resources, partition: date, version: int, reason: str) -> Outcome:
    """Score -> publish. What may pass is raised, since it would fail the other partitions as well."""
    why = f"rollback to version {version}: {reason}"
    try:
        scored = score_partition(config, resources, partition, version=version)
        if scored.status != "done":
            return scored
        return publish_scores(config, resources, partition, take(Scored, scored.figures), why)
    except (TemporarilyUnavailable, OSError):
        raise
    except NightshiftError as error:
        return Outcome("stopped", str(error))
    except Exception as error:
        log.warning("%s %s could not be scored again", config.name, partition, exc_info=True)
        return Outcome("stopped", f"{config.name} {partition}: {type(error).__name__}: {error}")


def _explain_failures(name: str, version: int, failed: dict[date, str], count: int) -> str:
    days = ", ".join(map(str, failed))
    again = f"{COMMAND} run {name} score --from {min(failed)} --to {max(failed)} --set version={version}"
    return (
        f"{name}: {len(failed)} of {count} partitions could not be scored again with version {version}: {days}. The "
        f"others were. The first failed with: {next(iter(failed.values()))} When that is fixed: {again}"
    )
