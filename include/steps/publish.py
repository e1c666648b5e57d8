"""lake -> warehouse: the one commit point. Rows and ledger row become visible together, or not at all."""

from contextlib import closing
from datetime import date
from itertools import chain
from typing import Any

from include.config.code_version import read_code_version
from include.config.pipeline import PipelineConfig
from include.io.lake import CorruptObject, ObjectRef
from include.io.ledger import Attempt, NewEntry, claim_partition, write_entry
from include.io.resources import Resources
from include.io.scores_table import ensure_scores_table, replace_scores
from include.io.tables import fetch_object, map_groups, read_first
from include.steps.fencing import skip_superseded
from include.steps.outcome import Outcome


@skip_superseded
def publish_scores(
    config: PipelineConfig, resources: Resources, partition: date, scored: dict[str, Any], reason: str = ""
) -> Outcome:
    """Replace the partition in scores.NAME by what `score_partition` wrote; `scored` are its figures.

    `reason` says in the ledger why it was scored out of turn. Skipped where scores of a later attempt are published,
    stopped where these are too old to be. Figures: rows, model_version, object_uri.
    """
    attempt = Attempt(scored["attempt"], scored["attempt_number"])
    ref = ObjectRef.from_record(scored["scores"])
    with resources.warehouse.begin() as connection:
        claim_partition(connection, config.name, partition, attempt, "scores")
        ensure_scores_table(connection, config, partition, ref.rows)
    with fetch_object(resources.lake, ref) as path:
        scored_at = read_first(path, "scored_at")
        params = {"scored_at": scored_at and scored_at.isoformat(), **({"reason": reason} if reason else {})}
        entry = NewEntry("scores", attempt, ref, scored["inputs_sha256"], scored["model_version"], params)
        code = read_code_version(config.folder)
        # The next row group is decoded while the server takes the one before.
        groups = map_groups(path, list, config.spec.scoring.batch_rows, workers=1)
        with resources.warehouse.begin() as connection, closing(groups):
            claim_partition(connection, config.name, partition, attempt, "scores")
            rows = replace_scores(connection, config, partition, chain.from_iterable(groups))
            if rows != ref.rows:
                raise CorruptObject(f"{ref.uri} holds {rows} rows, but {ref.rows} were recorded; nothing was published")
            write_entry(connection, config.name, partition, entry, config.config_sha256, code)
    return Outcome("done", figures={"rows": rows, "model_version": scored["model_version"], "object_uri": ref.uri})
