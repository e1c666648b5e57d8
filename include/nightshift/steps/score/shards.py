"""A large partition is scored in shards by several tasks, each with a part of the row groups, and published as one."""

from collections.abc import Sequence
from datetime import date, datetime

from nightshift.config.pipeline import PipelineConfig
from nightshift.io.lake.base import make_attempt_id
from nightshift.io.resources import Resources
from nightshift.steps.handover import Scored, Shard
from nightshift.steps.outcome import Outcome
from nightshift.steps.score.plan import ScoringRequest, plan_scoring, read_plan
from nightshift.steps.score.score import score_share


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
    plan = plan_scoring(config, resources, ScoringRequest(partition, version=version, at=at))
    if isinstance(plan, Outcome):
        return plan
    count, record = count_shards(plan.inputs.features.rows, config.spec.scoring.shard_rows), plan.to_record()
    return Outcome("done", figures={"shards": [{**record, "number": number, "of": count} for number in range(count)]})


def count_shards(rows: int, shard_rows: int | None) -> int:
    """As few as hold at most `shard_rows` rows each; one where the pipeline has no limit."""
    return max(1, -(-rows // shard_rows)) if shard_rows else 1


def score_shard(config: PipelineConfig, resources: Resources, partition: date, shard: Shard) -> Outcome:
    """Score one shard into an object of its own, as often as it takes; figures as those of `score_partition`."""
    plan = read_plan(config, resources, partition, shard, share=(shard["number"], shard["of"]))
    return score_share(config, resources, plan, make_attempt_id())


def join_shards(scored: Sequence[Scored]) -> Scored:
    """The shards' figures, in order, as those of the whole partition, for `publish`.

    It writes one object from theirs, with the bytes that scoring without shards gives; theirs are left to the orphan
    sweep.
    """
    if len(scored) == 1:
        return scored[0]
    joined = scored[0].copy()
    del joined["scores"]
    joined["rows"], joined["shards"] = sum(shard["rows"] for shard in scored), [shard["scores"] for shard in scored]
    return joined
