"""What the tests of sources share: a small pipeline, its rows, and ways to write and serve them."""

import gzip
import io
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from nightshift.config.airflow.connections import ConnectionSpec
from nightshift.config.expectations import ExpectationSuite
from nightshift.config.pipeline import PipelineConfig, PipelineSpec
from nightshift.config.yaml.document import freeze_lists
from nightshift.errors import NightshiftError
from nightshift.io.sources import open_source

DAYS = [date(2017, 6, 1), date(2017, 6, 2), date(2017, 6, 3)]
EMPTY_DAY = date(2017, 6, 10)
# Text as people write it: quotes, delimiters, line breaks, markup, formulas, other scripts.
NOTES = ['say "hi"', "a,b;c", "two\r\nlines", "<script>", "=cmd|' /C calc'!A0", "Zürich 東京 🚀", " padded ", "'", '"']
ROWS = [
    {"id": str(number), "at": f"{DAYS[number % 3]} 0{number}:00:00", "note": note} for number, note in enumerate(NOTES)
]


def make_config(source: dict[str, Any], folder: Path, columns: Sequence[str] = ("id", "at", "note")) -> PipelineConfig:
    """A pipeline with this source, and otherwise as little as a pipeline can be."""
    spec = {
        "title": "Test",
        "start": date(2017, 6, 1),
        "task": "regression",
        "source": source,
        "columns": dict.fromkeys(columns, "text"),
        "keys": [columns[0]],
        "label": {"column": columns[-1]},
        "features": {"categorical": [columns[0]]},
        "training": {"metric": "mae", "estimators": [{"kind": "ridge"}]},
        "gate": {"floor": 1.0},
    }
    return PipelineConfig(
        name="test",
        folder=folder,
        spec=PipelineSpec.model_validate(freeze_lists(spec)),
        expectations=ExpectationSuite(),
        config_sha256="0" * 64,
    )


def read_source(
    source: dict[str, Any],
    folder: Path,
    partitions: Sequence[date],
    connections: Sequence[ConnectionSpec] = (),
    params: dict[str, Any] | None = None,
) -> pa.Table:
    """Open the source and read these partitions."""
    return open_source(make_config(source, folder), make_lookup(*connections), params).read(partitions)


def make_lookup(*connections: ConnectionSpec) -> Any:
    """A GetConnection over these connections."""
    known = {connection.conn_id: connection for connection in connections}

    def get_connection(conn_id: str) -> ConnectionSpec:
        if conn_id not in known:
            raise NightshiftError(f"No connection is called {conn_id!r}")
        return known[conn_id]

    return get_connection


def encode_rows(rows: Sequence[dict[str, Any]], kind: str) -> bytes:
    """The rows as a file of that kind, such as csv.gz."""
    kind, _, compressed = kind.partition(".")
    table, sink = pa.Table.from_pylist(list(rows)), io.BytesIO()
    if kind == "csv":
        pa.csv.write_csv(table, sink)
    elif kind == "parquet":
        pq.write_table(table, sink)
    else:
        sink.write("".join(json.dumps(row) + "\n" for row in rows).encode())
    return gzip.compress(sink.getvalue()) if compressed else sink.getvalue()


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves a folder without writing to stderr."""

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def serve(handler: Any) -> Iterator[str]:
    """An HTTP server on a free port of 127.0.0.1; gives its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
