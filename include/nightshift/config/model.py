"""What the models of pipeline.yaml share."""

import math
import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

ColumnType = Literal["text", "integer", "number", "boolean", "date", "timestamp"]
SECRET_IN_ADDRESS = re.compile(
    r"(?<=://)[^/@\s]*:[^/@\s]+(?=@)|(?<=[?&;])(?:password|passwd|pwd|token|access_token|api_?key|secret|sig|signature|"
    r"x-amz-signature)=[^&\s]+",
    re.IGNORECASE,
)


def check_no_secret(value: str) -> str:
    """Return `value` unless it carries a password; ValueError otherwise."""
    if SECRET_IN_ADDRESS.search(value):
        raise ValueError("carries a password or token; keep secrets in a connection and name the connection here")
    return value


def check_delimiter(value: str) -> str:
    """Return `value` unless CSV has another use for it; ValueError otherwise."""
    if value == '"':
        raise ValueError("is what CSV quotes with")
    return value


Address = Annotated[str, Field(min_length=1), AfterValidator(check_no_secret)]
# A quote or a line break already means something in a CSV file.
Delimiter = Annotated[str, Field(pattern=r"^[\t\x20-\x7e\u00a0-\uffff]$"), AfterValidator(check_delimiter)]
ParameterName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


def check_plain(value: object) -> object:
    """Return `value` if it is text, a finite number, a truth or nothing; ValueError otherwise."""
    plain = value is None or isinstance(value, (str, int, float))
    if not plain or (isinstance(value, float) and not math.isfinite(value)):
        raise ValueError("must be text, a finite number, true, false or null")
    return check_no_secret(value) if isinstance(value, str) else value


Plain = str | int | float | bool | None
Parameter = Annotated[Plain, BeforeValidator(check_plain)]


class Inconsistent(ValueError):
    """What contradicts itself across a file: a list of `field: what is wrong`."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("; ".join(problems))


class Model(BaseModel):
    """Frozen and strict: unknown keys, wrong types and NaN are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def strip_credentials(address: str) -> str:
    """The address without login, password, query and fragment; a path of files stays as it is."""
    if "://" not in address:
        return address
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
