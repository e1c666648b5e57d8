"""lake -> warehouse: the one commit point. Rows and ledger row become visible together, or not at all."""

from datetime import date, datetime
from itertools import chain

from nightshift.config.code_version import read_code_version
from nightshift.config.pipeline import PipelineConfig
from nightshift.io.lake.base import CorruptObject, ObjectRef
from nightshift.io.ledger.entries import Attempt, NewEntry, claim_partition, write_entry
from nightshift.io.resources import Resources
from nightshift.io.scores.table import Stamp, ensure_scores_table, replace_scores
from nightshift.steps.fencing import skip_superseded
from nightshift.steps.handover import Scored
from nightshift.steps.outcome import Outcome
from nightshift.steps.score.publish_stream import open_scores
from nightshift.steps.score.stream import UnusableScores, stop_unusable


@skip_superseded
def publish_scores(
    config: PipelineConfig, resources: Resources, partition: date, scored: Scored, reason: str = ""
) -> Outcome:
    """Replace the partition in scores.NAME by what `scored` says: the figures of `score_partition` or `join_shards`.

    Rows that are not scored yet are scored, copied and written to the lake at the same time. `reason` says in the
    ledger why they were scored out of turn. Skipped where scores of a later attempt are published, stopped where these
    are too old to be, or where the model gives NaN or infinity. Figures: rows, model_version, object_uri.
    """
    attempt = Attempt(scored["attempt"], scored["attempt_number"])
    stamp = Stamp(partition, scored["model_version"], datetime.fromisoformat(scored["scored_at"]))
    with resources.warehouse.begin() as connection:
        claim_partition(connection, config.name, partition, attempt, "scores")
        ensure_scores_table(connection, config, stamp, scored["rows"])
    try:
        ref = _replace(config, resources, stamp, attempt, scored, reason)
    except UnusableScores as error:
        return stop_unusable(config, partition, error)
    return Outcome("done", figures={"rows": ref.rows, "model_version": scored["model_version"], "object_uri": ref.uri})


def _replace(
    config: PipelineConfig, resources: Resources, stamp: Stamp, attempt: Attempt, scored: Scored, reason: str
) -> ObjectRef:
    """The one commit; the object that it points at."""
    params = {"scored_at": scored["scored_at"], **({"reason": reason} if reason else {})}
    partition, code = stamp.partition_date, read_code_version(config.folder)
    with open_scores(config, resources, partition, scored) as stream, resources.warehouse.begin() as connection:
        claim_partition(connection, config.name, partition, attempt, "scores")
        rows = replace_scores(connection, config, stamp, chain.from_iterable(stream.groups))
        ref = stream.finish()
        for recorded in (ref.rows, scored["rows"]):
            if rows != recorded:
                raise CorruptObject(f"{ref.uri} holds {rows} rows, but {recorded} were recorded; nothing was published")
        entry = NewEntry("scores", attempt, ref, scored["inputs_sha256"], scored["model_version"], params)
        write_entry(connection, config.name, partition, entry, config.config_sha256, code)
    return ref
