"""JSON Schemas of pipeline.yaml and expectations.yaml, by which editors complete and check them.

They are made from the models and from what is registered, so a project's own extensions are in them. `check` finds
more: what depends on two fields or on both files is not said here.
"""

from typing import Any

from pydantic import BaseModel

from nightshift.config.expectation_arguments import REFUSED
from nightshift.config.expectations import BATCH_EXPECTATIONS, ROW_EXPECTATIONS, ExpectationSuite
from nightshift.config.extensions import load_extensions
from nightshift.config.pipeline import PipelineSpec

DIALECT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]


def make_schemas() -> dict[str, Schema]:
    """File name -> the schema of that file."""
    load_extensions()
    return {"pipeline.yaml": make_pipeline_schema(), "expectations.yaml": make_expectations_schema()}


def make_pipeline_schema() -> Schema:
    """What pipeline.yaml may hold."""
    return _describe_file("pipeline.yaml", PipelineSpec)


def make_expectations_schema() -> Schema:
    """What expectations.yaml may hold: there an expectation's name is the key of its arguments."""
    schema = _describe_file("expectations.yaml", ExpectationSuite)
    del schema["$defs"]
    for level, names in (("rows", ROW_EXPECTATIONS), ("batch", BATCH_EXPECTATIONS)):
        schema["properties"][level]["items"] = {
            "type": "object",
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": False,
            "properties": {name: _describe_arguments() for name in sorted(names)},
        }
    return schema


def _describe_arguments() -> Schema:
    """The arguments of an expectation. Their names are for Great Expectations to check, which has hundreds."""
    text, columns = {"type": "string"}, {"type": "array", "minItems": 1, "items": {"type": "string"}}
    return {
        "type": ["object", "null"],
        "properties": {
            **dict.fromkeys(("column", "column_A", "column_B", "regex"), text),
            "column_list": columns,
            "mostly": {"type": "number", "minimum": 0, "maximum": 1},
            "value_set": {"type": "array", "minItems": 1},
        },
        "propertyNames": {"not": {"enum": sorted(REFUSED)}},
    }


def _describe_file(name: str, model: type[BaseModel]) -> Schema:
    schema = _drop_titles(model.model_json_schema())
    return {"$schema": DIALECT, "title": f"Nightshift's {name}", **schema}


def _drop_titles(value: Any) -> Any:
    """Without the titles that pydantic makes of field names; a field that is called title stays."""
    if isinstance(value, list):
        return [_drop_titles(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: _drop_titles(item) for key, item in value.items() if key != "title" or not isinstance(item, str)}
