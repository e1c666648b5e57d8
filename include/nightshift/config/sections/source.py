"""The section `source` of pipeline.yaml: where rows come from."""

import re
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from nightshift.config.model import Address, Delimiter, Model, Parameter
from nightshift.config.names import ColumnName, Identifier

SCHEMES = ("file", "s3", "http", "https")
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


class FileSource(Model):
    """Rows from files: CSV, Parquet or JSONL; in a folder, on S3 or behind HTTP."""

    kind: Literal["files"]
    path: Address = Field(
        description="A path, `s3://bucket/key` or `https://…`; may hold `*`. `{data}` is the folder NIGHTSHIFT_DATA, "
        "`{partition}` the partition's date (`{partition:%Y/%m/%d}` for another way to write it)."
    )
    format: Literal["csv", "parquet", "jsonl"] | None = Field(None, description="Known from the file's name otherwise.")
    delimiter: Delimiter = Field(",", description="Between the fields of a CSV file.")
    null_values: tuple[str, ...] = Field(
        ("", "NA", "NULL", "null", "NaN", "nan"), description="Texts that stand for a missing value."
    )
    partition_by: PartitionColumn | None = Field(
        None, description="For files that hold many days. Without it, `{partition}` must be in `path`."
    )
    connection: str | None = Field(None, description="The connection for S3 or HTTP, from airflow_settings.yaml.")

    def describe(self) -> str:
        """For messages."""
        return self.path

    @model_validator(mode="after")
    def _one_way_to_partition(self) -> Self:
        check_placeholders(self.path)
        if ("{partition" in self.path) == (self.partition_by is not None):
            raise ValueError("say the partition exactly once: {partition} in path, or partition_by")
        return self


class SqlSource(Model):
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

    @model_validator(mode="after")
    def _bounded_and_addressed(self) -> Self:
        missing = [name for name in ("partition_start", "partition_end") if f":{name}" not in self.query]
        if missing:
            raise ValueError(f"query must bind {' and '.join(':' + name for name in missing)}")
        if (self.connection is None) == (self.url is None):
            raise ValueError("give either connection or url")
        return self


class PythonSource(Model):
    """Rows from a function of the pipeline's own folder: `function(partition: date, **params) -> DataFrame`."""

    kind: Literal["python"]
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

    def describe(self) -> str:
        """For messages."""
        return self.function

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


Source = Annotated[FileSource | SqlSource | PythonSource, Field(discriminator="kind")]
