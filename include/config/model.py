"""What the models of pipeline.yaml share."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

ColumnType = Literal["text", "integer", "number", "boolean", "date", "timestamp"]
PASSWORD_IN_URL = re.compile(r"(?<=://)[^/@\s]*:[^/@\s]+(?=@)")


def check_no_secret(value: str) -> str:
    """Return `value` unless it carries a password; ValueError otherwise."""
    if PASSWORD_IN_URL.search(value):
        raise ValueError("carries a password; keep secrets in a connection and name the connection here")
    return value


Address = Annotated[str, Field(min_length=1), AfterValidator(check_no_secret)]
ParameterName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Parameter = str | int | float | bool | None


class Model(BaseModel):
    """Frozen and strict: unknown keys, wrong types and NaN are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
