"""lake -> lake: features become scores, or a plan by which `publish` makes them. Nothing is visible before it does."""

import logging
from contextlib import closing
from datetime import date, datetime
from typing import Any

from nightshift.config.days import parse_moment
from nightshift.config.pipeline import PipelineConfig
from nightshift.errors import NightshiftError
from nightshift.io.lake.base import ObjectRef, make_key
from nightshift.io.lake.parquet import store_groups
from nightshift.io.resources import Resources
from nightshift.io.scores.table import make_scores_schema
from nightshift.steps.outcome import Outcome
from nightshift.steps.score.plan import Plan, ScoringRequest, plan_scoring
from nightshift.steps.score.stream import UnusableScores, score_planned, stop_unusable
from nightshift.steps.serving.predictors import scores_by_tables

log = logging.getLogger(__name__)
LEFT = "%s %s: `publish` scores the %s rows with version %s, while it copies them"


def score_partition(
    config: PipelineConfig,
    resources: Resources,
    partition: date,
    features: ObjectRef | None = None,
    version: int | None = None,
    at: datetime | None = None,
) -> Outcome:
    """Score the partition's features with the champion, with `version`, or with the champion of the time `at`.

    Many rows that tables score are left to `publish`, since scoring them keeps pace with copying them. Skipped where
    there is, or was, no champion; stopped where the model gives NaN or infinity. Figures: rows, model_version,
    inputs_sha256, scored_at, attempt, attempt_number, and scores (the object) or else plan (what `publish` scores).
    """
    plan = plan_scoring(config, resources, ScoringRequest(partition, features, version, at))
    if isinstance(plan, Outcome):
        return plan
    rows, scoring = plan.inputs.features.rows, plan.inputs.version
    if scores_by_tables(scoring, rows):
        log.info(LEFT, config.name, partition, f"{rows:,}", scoring.version)
        return Outcome("done", figures={"plan": plan.to_record(), **describe_plan(plan, rows)})
    return score_share(config, resources, plan, plan.attempt.name)


def score_share(config: PipelineConfig, resources: Resources, plan: Plan, name: str) -> Outcome:
    """Score the plan's features, or its share of them, into the lake.

    `name` is that of the object, which nobody else may use. Stopped where the model gives NaN or infinity.
    """
    key = make_key("scores", config.name, plan.partition, name)
    try:
        with closing(score_planned(config, resources, plan)) as groups:
            scores = store_groups(resources.lake, key, make_scores_schema(config), groups)
    except UnusableScores as error:
        return stop_unusable(config, plan.partition, error)
    return Outcome("done", figures={"scores": scores.to_record(), **describe_plan(plan, scores.rows)})


def describe_plan(plan: Plan, rows: int) -> dict[str, Any]:
    """What `publish` writes into the ledger, beside the object."""
    return {
        "model_version": plan.inputs.version.version,
        "rows": rows,
        "inputs_sha256": plan.inputs_sha256,
        "scored_at": plan.scored_at.isoformat(),
        "attempt": plan.attempt.name,
        "attempt_number": plan.attempt.number,
    }


def parse_as_of(config: PipelineConfig, text: str | None) -> datetime | None:
    """The moment that a person wrote: a day means its end, in the pipeline's time zone; None where nothing is asked."""
    if not text:
        return None
    try:
        return parse_moment(text, config.spec.schedules.timezone)
    except ValueError:
        raise NightshiftError(f"as_of={text}: is neither a date as 2026-11-20 nor a time as 2026-11-20T08:30") from None
