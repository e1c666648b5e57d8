"""The rows that `publish` copies, as a stream, and the lake's object that they are or become."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from nightshift.config.pipeline import PipelineConfig
from nightshift.io.lake.base import ObjectRef, make_attempt_id, make_key
from nightshift.io.lake.parquet import fetch_object, map_groups
from nightshift.io.lake.parquet_writer import store_meanwhile
from nightshift.io.resources import Resources
from nightshift.io.scores.table import make_scores_schema
from nightshift.prefetch import prime
from nightshift.steps.handover import Scored
from nightshift.steps.score.plan import read_plan
from nightshift.steps.score.stream import score_planned

Groups = Generator[list[pa.RecordBatch]]


@dataclass(frozen=True)
class ScoresStream:
    """Row groups, to be taken in order, and what gives their object once all of them were."""

    groups: Iterator[list[pa.RecordBatch]]
    finish: Callable[[], ObjectRef]


@contextmanager
def open_scores(
    config: PipelineConfig, resources: Resources, partition: date, scored: Scored
) -> Iterator[ScoresStream]:
    """The partition's scores by the figures of `score_partition` or `join_shards`.

    Scores that are one object already are read from it. Those of shards, and those that are only made now, become one
    while they are taken. What comes before the first row group is done at once: fetching, hashing, making tables.
    Raises what `read_plan`, `fetch_object` and `score_features` raise.
    """
    if "scores" in scored:
        ref = ObjectRef.from_record(scored["scores"])
        with closing(_read_objects(config, resources, [ref])) as groups:
            yield ScoresStream(prime(groups), lambda: ref)
        return
    key = make_key("scores", config.name, partition, make_attempt_id())
    with (
        closing(_make_groups(config, resources, partition, scored)) as groups,
        store_meanwhile(resources.lake, key, make_scores_schema(config)) as storing,
        closing(storing.pass_on(prime(groups))) as passed,
    ):
        yield ScoresStream(passed, storing.finish)


def _make_groups(config: PipelineConfig, resources: Resources, partition: date, scored: Scored) -> Groups:
    if "plan" in scored:
        return score_planned(config, resources, read_plan(config, resources, partition, scored["plan"]))
    return _read_objects(config, resources, [ObjectRef.from_record(record) for record in scored["shards"]])


def _read_objects(config: PipelineConfig, resources: Resources, refs: Sequence[ObjectRef]) -> Groups:
    """The row groups of all, which are verified before the first one; the next is decoded while one is worked on."""
    rows = config.spec.scoring.batch_rows
    with ExitStack() as stack:
        paths = [stack.enter_context(fetch_object(resources.lake, ref)) for ref in refs]
        for path in paths:
            yield from stack.enter_context(closing(map_groups(path, list, rows, workers=1)))
