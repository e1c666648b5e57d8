"""A large partition is scored in shards by several tasks, each with a part of the row groups, and published as one."""

from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict
from datetime import date, datetime
from itertools import chain
from typing import Any

from include.config.pipeline import PipelineConfig
from include.io.lake import ObjectRef, make_attempt_id, make_key
from include.io.ledger import Attempt
from include.io.registry import require_usable_version
from include.io.resources import Resources
from include.io.scores_table import make_scores_schema
from include.io.tables import fetch_object, map_groups, store_groups
from include.steps.outcome import Outcome
from include.steps.score import Plan, plan_scoring, score_share


def plan_shards(
    config: PipelineConfig,
    resources: Resources,
    partition: date,
    version: int | None = None,
    at: datetime | None = None,
) -> Outcome:
    """Settle model and features for all shards of the partition; outcomes and errors are those of `plan_scoring`.

    Figures: shards, a list with what `score_shard` takes for each.
    """
    plan = plan_scoring(config, resources, partition, version=version, at=at)
    if isinstance(plan, Outcome):
        return plan
    count = count_shards(plan.features.rows, config.spec.scoring.shard_rows)
    record = {
        "attempt": asdict(plan.attempt),
        "features": plan.features.to_record(),
        "version": plan.version.version,
        "inputs_sha256": plan.inputs_sha256,
        "scored_at": plan.scored_at.isoformat(),
    }
    return Outcome("done", figures={"shards": [{**record, "number": number, "of": count} for number in range(count)]})


def count_shards(rows: int, shard_rows: int | None) -> int:
    """As few as hold at most `shard_rows` rows each; one where the pipeline has no limit."""
    return max(1, -(-rows // shard_rows)) if shard_rows else 1


def score_shard(config: PipelineConfig, resources: Resources, partition: date, shard: dict[str, Any]) -> Outcome:
    """Score one shard into an object of its own, as often as it takes; figures as those of `score_partition`."""
    with resources.warehouse.begin() as connection:
        version = require_usable_version(connection, config.name, shard["version"])
    plan = Plan(
        attempt=Attempt(**shard["attempt"]),
        features=ObjectRef.from_record(shard["features"]),
        version=version,
        inputs_sha256=shard["inputs_sha256"],
        scored_at=datetime.fromisoformat(shard["scored_at"]),
    )
    share = shard["number"], shard["of"]
    return score_share(config, resources, partition, plan, make_attempt_id(), share)


def join_shards(
    config: PipelineConfig, resources: Resources, partition: date, scored: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """The shards' figures, in order, as those of the whole partition, whose object is written from theirs.

    It has the bytes that scoring without shards writes. The shards' own objects are left to the orphan sweep.
    """
    if len(scored) == 1:
        return scored[0]
    refs, rows = [ObjectRef.from_record(shard["scores"]) for shard in scored], config.spec.scoring.batch_rows
    with ExitStack() as stack:
        paths = [stack.enter_context(fetch_object(resources.lake, ref)) for ref in refs]
        groups = [stack.enter_context(closing(map_groups(path, list, rows, workers=1))) for path in paths]
        key = make_key("scores", config.name, partition, make_attempt_id())
        whole = store_groups(resources.lake, key, make_scores_schema(config), chain.from_iterable(groups))
    return {**scored[0], "scores": whole.to_record(), "rows": whole.rows}
