"""Many days at once, told apart."""

from collections.abc import Iterator, Sequence
from datetime import date

import pyarrow as pa

from include.config.connections import GetConnection
from include.config.model import Parameter
from include.config.pipeline import PipelineConfig
from include.config.source import FileSource
from include.io.sources import open_source
from include.io.sources.partitions import select_partitions


def read_each(
    config: PipelineConfig,
    get_connection: GetConnection,
    params: dict[str, Parameter] | None,
    partitions: Sequence[date],
) -> Iterator[tuple[date, pa.Table]]:
    """Every partition with its rows, as they come; a file that many days share is read once."""
    source = open_source(config, get_connection, params)
    shared = config.spec.source
    if isinstance(shared, FileSource) and shared.partition_by:
        table = source.read(partitions)
        for partition in partitions:
            yield partition, select_partitions(table, shared.partition_by, [partition])
    else:
        for partition in partitions:
            yield partition, source.read([partition])
