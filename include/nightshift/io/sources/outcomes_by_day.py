"""The outcomes of many days, told apart."""

from collections.abc import Iterator, Sequence
from datetime import date

import pyarrow as pa

from nightshift.config.airflow.connections import GetConnection
from nightshift.config.model import Parameter
from nightshift.config.pipeline import PipelineConfig
from nightshift.errors import DataUnavailable
from nightshift.io.sources import Source, open_outcomes
from nightshift.io.sources.partitions import select_partitions


def read_each(
    config: PipelineConfig,
    get_connection: GetConnection,
    params: dict[str, Parameter] | None,
    partitions: Sequence[date],
    columns: Sequence[str],
) -> Iterator[tuple[date, pa.Table | DataUnavailable]]:
    """Every partition with its outcomes, as they come; a file that many days share is read once.

    Other columns than these come only where one of these lacks, so that a message can say what there is.
    Where there are none yet, the error that says so stands in their place: one day must not hide the others.
    """
    source = open_outcomes(config, get_connection, params)
    shared = config.spec.label.source or config.spec.source
    if shared.shared_by:
        found = _try_read(source, partitions, list(dict.fromkeys([*columns, shared.shared_by.column])))
        for partition in partitions:
            missing = isinstance(found, DataUnavailable)
            yield partition, found if missing else select_partitions(found, shared.shared_by, [partition])
    else:
        for partition in partitions:
            yield partition, _try_read(source, [partition], columns)


def _try_read(source: Source, partitions: Sequence[date], columns: Sequence[str]) -> pa.Table | DataUnavailable:
    try:
        return source.read(partitions, columns)
    except DataUnavailable as error:
        return error
