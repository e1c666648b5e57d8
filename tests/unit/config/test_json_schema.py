"""The JSON Schemas: what is right passes them, and the mistakes that an editor can show fail."""

from datetime import date
from typing import Any

import jsonschema
import pytest
import yaml

from nightshift.config.json_schema import make_schemas
from nightshift.config.pipeline_folders import PIPELINES_FOLDER
from tests.kits.pipelines import SUITE, make_spec

SCHEMAS = make_schemas()
SHIPPED = ("churn", "flights", "bikes", "metro")


def list_problems(file: str, value: Any) -> list[str]:
    """`field: message` for each problem."""
    schema = SCHEMAS[file]
    jsonschema.Draft202012Validator.check_schema(schema)
    found = jsonschema.Draft202012Validator(schema).iter_errors(_write_dates(value))
    return [f"{error.json_path}: {error.message}" for error in found]


def _write_dates(value: Any) -> Any:
    """The value with dates as text, which they are for a JSON Schema."""
    if isinstance(value, dict):
        return {key: _write_dates(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_write_dates(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("file", ["pipeline.yaml", "expectations.yaml"])
def test_the_shipped_pipelines_pass(name: str, file: str) -> None:
    assert list_problems(file, yaml.safe_load((PIPELINES_FOLDER / name / file).read_text())) == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"titel": "x"}, "'titel' was unexpected"),
        ({"gate.flor": 1.0}, "'flor' was unexpected"),
        ({"gate.floor": "high"}, "$.gate.floor: 'high' is not of type 'number'"),
        ({"task": "clasification"}, "$.task: 'clasification' is not valid"),
        ({"training.metric": "auc"}, "$.training.metric: 'auc' is not one of"),
        ({"training.estimators": [{"kind": "xgboost"}]}, "$.training.estimators[0].kind: 'xgboost' is not one of"),
        ({"source": {"kind": "file", "path": "x"}}, "$.source"),
        ({"keys": []}, "$.keys: [] should be non-empty"),
    ],
)
def test_a_mistake_in_a_pipeline_is_found(changes: dict[str, Any], told: str) -> None:
    assert list_problems("pipeline.yaml", make_spec()) == []
    (problem,) = list_problems("pipeline.yaml", make_spec(**changes))
    assert told in problem


@pytest.mark.parametrize(
    ("suite", "told"),
    [
        ({"row": []}, "'row' was unexpected"),
        ({"rows": [{"expect_columns_to_shine": {}}]}, "'expect_columns_to_shine' was unexpected"),
        ({"rows": [{"expect_table_row_count_to_be_between": {"min_value": 1}}]}, "was unexpected"),
        ({"rows": [{"expect_column_values_to_not_be_null": {"column": 3}}]}, "3 is not of type 'string'"),
        ({"batch": [{"expect_column_to_exist": {"column": "a", "row_condition": "x"}}]}, "row_condition"),
    ],
)
def test_a_mistake_in_a_suite_is_found(suite: dict[str, Any], told: str) -> None:
    assert list_problems("expectations.yaml", SUITE) == []
    (problem,) = list_problems("expectations.yaml", suite)
    assert told in problem


def test_a_schema_says_what_a_field_is_for_and_keeps_the_field_that_is_called_title() -> None:
    schema = SCHEMAS["pipeline.yaml"]
    assert schema["properties"]["title"] == {"type": "string", "maxLength": 120}
    assert schema["properties"]["keys"]["description"] == "Unique within a partition."
    assert schema["additionalProperties"] is False
