"""Earlier partitions as the features of a day may see them: with the outcomes that were known by then.

Those of a day that has matured are read from their source again, as training reads them: the rows were stored before
they were there. Those of later days are missing, also where a backfill already has them. So features are the same live,
in a backfill and when they are made again, unless an outcome is corrected after it has matured.
"""

import hashlib
from datetime import date

import pandas as pd

from nightshift.config.pipeline import PipelineConfig
from nightshift.core.features.build import concat_history, hide_unmatured, keep_outcomes
from nightshift.io.lake.parquet import fetch_table
from nightshift.io.ledger.entries import Entry
from nightshift.io.resources import Resources
from nightshift.steps.labels import read_outcomes


def read_history(
    config: PipelineConfig, resources: Resources, partition: date, earlier: list[Entry]
) -> tuple[pd.DataFrame, str]:
    """The typed rows of the `earlier` partitions with `partition_date`, and the hash of the outcomes in them."""
    frames = {entry.partition: _read_rows(resources, entry) for entry in earlier}
    digest = hashlib.sha256()
    if _may_use_outcomes(config):
        matured = [entry for entry in earlier if entry.partition <= config.spec.find_last_known(partition)]
        also = tuple(sorted(config.spec.known_afterwards))
        for outcomes in read_outcomes(config, resources, matured, also):
            # What can't be read any more stays as it was stored.
            if not outcomes.absent:
                day = outcomes.partition
                frames[day] = keep_outcomes(frames[day], outcomes.rows, config.spec)
                digest.update(outcomes.hash().encode())
    history = concat_history(list(frames.items()))
    return hide_unmatured(history, config.spec, partition), digest.hexdigest()


def _may_use_outcomes(config: PipelineConfig) -> bool:
    """Whether features can look at outcomes of earlier days: by a rolling one, or in features.py."""
    spec = config.spec
    if spec.label.source is not None or not spec.lookback:
        return False
    rolls = any(feature.column in spec.afterwards for feature in spec.features.rolling)
    return rolls or (config.features_module is not None and spec.features.lookback_days > 0)


def _read_rows(resources: Resources, entry: Entry) -> pd.DataFrame:
    return fetch_table(resources.lake, entry.ref).to_pandas(date_as_object=False)
