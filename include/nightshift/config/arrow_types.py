"""The declared column types as Arrow knows them. Apart from the models, since parsing a DAG must not load Arrow."""

import pyarrow as pa

from nightshift.config.model import ColumnType

ARROW_TYPES: dict[ColumnType, pa.DataType] = {
    "text": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
}
