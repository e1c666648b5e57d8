"""lake -> warehouse: the one commit point. Rows and ledger row become visible together, or not at all."""

from datetime import date
from typing import Any

from include.config.code_version import read_code_version
from include.config.pipeline import PipelineConfig
from include.io.lake import CorruptObject, ObjectRef
from include.io.ledger import Attempt, NewEntry, claim_partition, write_entry
from include.io.resources import Resources
from include.io.scores_table import ensure_scores_table, replace_scores
from include.io.tables import fetch_table
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
    with resources.warehouse.begin() as connection:
        claim_partition(connection, config.name, partition, attempt, "scores")
        ensure_scores_table(connection, config, partition)
    ref = ObjectRef.from_record(scored["scores"])
    table = fetch_table(resources.lake, ref)
    scored_at = table["scored_at"][0].as_py().isoformat() if table.num_rows else None
    entry = NewEntry(
        "scores",
        attempt,
        ref,
        inputs_sha256=scored["inputs_sha256"],
        model_version=scored["model_version"],
        params={"scored_at": scored_at, **({"reason": reason} if reason else {})},
    )
    with resources.warehouse.begin() as connection:
        claim_partition(connection, config.name, partition, attempt, "scores")
        rows = replace_scores(connection, config, partition, table.to_batches(config.spec.scoring.batch_rows))
        if rows != ref.rows:
            raise CorruptObject(f"{ref.uri} holds {rows} rows, but {ref.rows} were recorded; nothing was published")
        write_entry(connection, config.name, partition, entry, config.config_sha256, read_code_version(config.folder))
    return Outcome("done", figures={"rows": rows, "model_version": scored["model_version"], "object_uri": ref.uri})
