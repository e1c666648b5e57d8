"""The declared column types as Arrow knows them. Apart from the models, since parsing a DAG must not load Arrow."""

from collections.abc import Mapping

import pyarrow as pa

ARROW_TYPES: Mapping[str, pa.DataType] = {
    "text": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
}
