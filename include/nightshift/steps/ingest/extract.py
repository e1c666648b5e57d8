"""source -> lake: the day's rows as they came."""

from datetime import date

from nightshift.config.code_version import read_code_version
from nightshift.config.model import Parameter
from nightshift.config.pipeline import PipelineConfig
from nightshift.errors import NightshiftError
from nightshift.io.lake.base import make_key
from nightshift.io.lake.parquet import store_tables
from nightshift.io.ledger.entries import NewEntry, begin_attempt, claim_partition, write_entry
from nightshift.io.resources import Resources
from nightshift.io.sources import open_source
from nightshift.steps.fencing import skip_superseded
from nightshift.steps.outcome import Outcome


@skip_superseded
def extract_partition(
    config: PipelineConfig, resources: Resources, partition: date, params: dict[str, Parameter] | None = None
) -> Outcome:
    """Store the partition's rows under `raw/`.

    Stopped where the source has none; skipped where a later attempt was faster. Figures: raw, rows.

    The params are kept with the ledger's row, so that the labels are read in the same way later.
    """
    if partition < config.spec.start:
        raise NightshiftError(f"{config.name}: partition {partition} is before the first one, {config.spec.start}")
    with resources.warehouse.begin() as connection:
        attempt = begin_attempt(connection)
    with open_source(config, resources.get_connection, params).stream([partition]) as found:
        if found.rows == 0:
            reason = f"{config.name} {partition}: the source has no rows for this day. Nothing was changed."
            return Outcome("stopped", reason)
        key = make_key("raw", config.name, partition, attempt.name)
        ref = store_tables(resources.lake, key, found.schema, found.tables)
    defaults = config.spec.source.run_params
    entry = NewEntry("raw", attempt, ref, params={**defaults, **(params or {})})
    with resources.warehouse.begin() as connection:
        claim_partition(connection, config.name, partition, attempt, "raw")
        write_entry(connection, config.name, partition, entry, config.config_sha256, read_code_version(config.folder))
    return Outcome("done", figures={"raw": ref.to_record(), "rows": ref.rows})
