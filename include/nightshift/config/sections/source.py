"""The section `source` of pipeline.yaml: where rows come from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError, model_validator
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from nightshift.config.model import Address, Delimiter, Model, Parameter, strip_credentials
from nightshift.config.names import ColumnName, Identifier
from nightshift.errors import NightshiftError
from nightshift.extension.source_kinds import SOURCE_KINDS

SCHEMES = ("file", "s3", "http", "https")
# A name behind `from` or `join`.
TABLE_IN_QUERY = re.compile(r'\b(?:from|join)\s+("?\w+"?(?:\."?\w+"?)*)', re.IGNORECASE)
SECRET_NAME = re.compile(r"pass(word|wd)?$|secret|token|api_?key", re.IGNORECASE)


def check_placeholders(path: str) -> None:
    """ValueError for anything in braces but {data} and {partition}, or for a scheme that nothing reads."""
    found = re.findall(r"\{(.*?)\}", path)
    if wrong := [name for name in found if name != "data" and name.partition(":")[0] != "partition"]:
        raise ValueError(f"path: {{{wrong[0]}}} is not a placeholder; there are {{data}} and {{partition}}")
    if re.search(r"[{}]", re.sub(r"\{[^{}]*\}", "", path)):
        raise ValueError("path: has a brace without its counterpart")
    if re.match("s3:///", path, re.IGNORECASE):
        raise ValueError("path: s3:// names no bucket; write s3://bucket/key")
    scheme = path.partition("://")[0].lower() if "://" in path else "file"
    if scheme not in SCHEMES:
        raise ValueError(f"path: {scheme}:// is not read; there are {', '.join(SCHEMES)} and plain paths")


class PartitionColumn(Model):
    """The column that says to which day a row of a shared file belongs."""

    column: ColumnName
    format: str = Field("%Y-%m-%d", min_length=2, description="How the date is written at the start of the value.")


class SourceSettings(Model):
    """What every kind of source has. As a field's type it is any registered kind, told by `kind`."""

    kind: str
    # Opened without any connection, so a check may open it.
    is_code: ClassVar[bool] = False

    @classmethod
    def list_forms(cls) -> tuple[type[SourceSettings], ...]:
        """The settings of every kind that is registered."""
        return tuple(kind.settings for kind in SOURCE_KINDS)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        if Model not in cls.__bases__:  # a form, not the choice among them
            return handler(source)
        return core_schema.no_info_plain_validator_function(
            cls.choose_form, serialization=core_schema.plain_serializer_function_ser_schema(lambda it: it.model_dump())
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        if Model not in cls.__bases__:  # a form, not the choice among them
            return handler(schema)
        forms: list[CoreSchema | tuple[CoreSchema, str]] = [form.__pydantic_core_schema__ for form in cls.list_forms()]
        return handler(core_schema.union_schema(forms))

    @classmethod
    def choose_form(cls, value: Any) -> SourceSettings:
        """The section as settings of its kind; pydantic's ValidationError where it is none."""
        if isinstance(value, SourceSettings):
            return value
        if not isinstance(value, dict):
            raise ValueError("must be a mapping with a `kind`")
        if "kind" not in value:
            raise _refuse_kind("missing", value)
        try:
            found = SOURCE_KINDS.find(str(value["kind"]))
        except NightshiftError as error:
            told = PydanticCustomError("unknown_kind", "{told}", {"told": str(error)})
            raise _refuse_kind(told, value["kind"]) from None
        chosen: SourceSettings = found.settings.model_validate(value)
        return chosen

    @property
    def run_params(self) -> Mapping[str, Parameter]:
        """What a run may be given other values for."""
        return {}

    @property
    def run_choices(self) -> Mapping[str, tuple[Parameter, ...]]:
        """The values that such a param may take; any, where it is not among them."""
        return {}

    @property
    def missing_texts(self) -> tuple[str, ...]:
        """Texts that stand for a missing value."""
        return ()

    @property
    def shared_by(self) -> PartitionColumn | None:
        """The column that says which day a row is of, where one place holds many days."""
        return None

    def describe(self) -> str:
        """For messages."""
        return self.kind

    def describe_origin(self) -> dict[str, Any]:
        """For cards: kind, place, connection and params; never a login, a password or a URL's query."""
        return {"kind": self.kind, "place": self.describe(), "connection": None, "params": {}}


def _refuse_kind(problem: PydanticCustomError | str, given: Any) -> ValidationError:
    return ValidationError.from_exception_data("source", [{"type": problem, "loc": ("kind",), "input": given}])


class FileSource(SourceSettings):
    """Rows from files: CSV, Parquet or JSONL; in a folder, on S3 or behind HTTP."""

    kind: Literal["files"]
    path: Address = Field(
        description="A path, `s3://bucket/key` or `https://…`; may hold `*`. `{data}` is the folder NIGHTSHIFT_DATA, "
        "`{partition}` the partition's date (`{partition:%Y/%m/%d}` for another way to write it)."
    )
    format: Literal["csv", "parquet", "jsonl"] | None = Field(None, description="Known from the file's name otherwise.")
    delimiter: Delimiter = Field(",", description="Between the fields of a CSV file.")
    null_values: tuple[str, ...] = Field(
        ("", "NA", "NULL", "null", "NaN", "nan"), description="Texts that mean a missing value."
    )
    partition_by: PartitionColumn | None = Field(
        None, description="For files that hold many days. Without it, `{partition}` must be in `path`."
    )
    connection: str | None = Field(None, description="The connection for S3 or HTTP, from airflow_settings.yaml.")

    @property
    def shared_by(self) -> PartitionColumn | None:
        """`partition_by`."""
        return self.partition_by

    @property
    def missing_texts(self) -> tuple[str, ...]:
        """`null_values`."""
        return self.null_values

    def describe(self) -> str:
        """For messages."""
        return self.path

    def describe_origin(self) -> dict[str, Any]:
        """The path, without credentials."""
        place = strip_credentials(self.path)
        return {"kind": self.kind, "place": place, "connection": self.connection, "params": {}}

    @model_validator(mode="after")
    def _one_way_to_partition(self) -> Self:
        check_placeholders(self.path)
        if ("{partition" in self.path) == (self.partition_by is not None):
            raise ValueError("say the partition exactly once: {partition} in path, or partition_by")
        return self


class SqlSource(SourceSettings):
    """Rows from a query on any database that SQLAlchemy reaches."""

    kind: Literal["sql"]
    query: str = Field(
        min_length=1, description="Binds `:partition_start` and `:partition_end` (a day, the end not included)."
    )
    connection: str | None = Field(None, description="A connection from airflow_settings.yaml; or give `url`.")
    url: Address | None = Field(None, description="A SQLAlchemy URL without a password; or give `connection`.")

    def describe(self) -> str:
        """For messages."""
        return f"the query on connection {self.connection!r}" if self.connection else "the query on source.url"

    def describe_origin(self) -> dict[str, Any]:
        """The database and the tables that the query names; not its text."""
        tables = sorted(set(TABLE_IN_QUERY.findall(self.query)))
        database = strip_credentials(self.url) if self.url else "the connection's database"
        place = f"{database}: {', '.join(tables)}" if tables else database
        return {"kind": self.kind, "place": place, "connection": self.connection, "params": {}}

    @model_validator(mode="after")
    def _bounded_and_addressed(self) -> Self:
        missing = [name for name in ("partition_start", "partition_end") if f":{name}" not in self.query]
        if missing:
            raise ValueError(f"query must bind {' and '.join(':' + name for name in missing)}")
        if (self.connection is None) == (self.url is None):
            raise ValueError("give either connection or url")
        return self


class PythonSource(SourceSettings):
    """Rows from a function of the pipeline's own folder: `function(partition: date, **params) -> DataFrame`."""

    kind: Literal["python"]
    is_code: ClassVar[bool] = True
    function: str = Field(
        pattern=r"^[a-z_][a-z0-9_]*\.py:[a-z_][a-z0-9_]*$",
        description="`file.py:function`, in the pipeline's own folder. The rows that it returns are in memory at once.",
    )
    params: dict[Identifier, Parameter] = Field(
        default_factory=dict, description="Passed by name; shown as a form when the ingest DAG is triggered."
    )
    choices: dict[Identifier, tuple[Parameter, ...]] = Field(
        default_factory=dict, description="The values that a param may take, for the form."
    )

    @property
    def run_params(self) -> Mapping[str, Parameter]:
        """`params`."""
        return self.params

    @property
    def run_choices(self) -> Mapping[str, tuple[Parameter, ...]]:
        """`choices`."""
        return self.choices

    def describe(self) -> str:
        """For messages."""
        return self.function

    def describe_origin(self) -> dict[str, Any]:
        """The function and its params."""
        return {"kind": self.kind, "place": self.function, "connection": None, "params": dict(self.params)}

    @model_validator(mode="after")
    def _no_secret_and_known_choices(self) -> Self:
        for name in self.params:
            if name == "partition":
                raise ValueError("params.partition: the partition is passed already; choose another name")
            if SECRET_NAME.search(name):
                raise ValueError(f"params.{name} looks like a secret; keep it in a connection")
        for name, values in self.choices.items():
            if name not in self.params:
                raise ValueError(f"choices.{name} names no param")
            if (type(self.params[name]), self.params[name]) not in [(type(value), value) for value in values]:
                raise ValueError(f"params.{name} is {self.params[name]!r}, which is not among choices.{name}")
        return self
