"""The Arrow schema of a features object: the keys in their types, numeric features as float64, categories as text."""

import pyarrow as pa

from nightshift.config.arrow_types import ARROW_TYPES
from nightshift.config.pipeline import PipelineSpec


def make_feature_schema(spec: PipelineSpec) -> pa.Schema:
    """Keys first, then the features that are not keys themselves."""
    fields = [pa.field(name, ARROW_TYPES[spec.columns[name]]) for name in spec.keys]
    fields += [pa.field(name, pa.float64()) for name in spec.features.numeric if name not in spec.keys]
    fields += [pa.field(name, pa.string()) for name in spec.features.categorical if name not in spec.keys]
    return pa.schema(fields)
