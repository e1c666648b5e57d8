"""A connection written as text, in Airflow's URI form or its JSON form.

No ValueError here quotes what it read: it may hold a password.
"""

import json
import re
from typing import Annotated, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from nightshift.config.airflow.connections import ConnectionSpec


def parse_extra(value: Any) -> Any:
    """A connection's extra as a mapping; it may be written as JSON, too."""
    if value is None or value == "":
        return {}
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise ValueError("is neither a mapping nor JSON") from None
    if isinstance(value, dict):
        return value
    raise ValueError("must be a mapping")


def parse_connection(conn_id: str, text: str) -> ConnectionSpec:
    """A connection from either form; ValueError where it is neither."""
    return _parse_json(conn_id, text) if text.lstrip().startswith("{") else _parse_uri(conn_id, text)


def _parse_uri(conn_id: str, text: str) -> ConnectionSpec:
    parts = urlsplit(text.strip())
    if not re.fullmatch(r"[a-zA-Z][\w+.-]*", parts.scheme) or "://" not in text:
        raise ValueError("is not a connection's URI")
    try:
        port = parts.port
    except ValueError:
        raise ValueError("has a port that is not a number") from None
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    # Not parts.hostname, which is in lower case: the host may be a folder with a socket.
    host = re.sub(r":\d*$", "", parts.netloc.rpartition("@")[2])
    return ConnectionSpec(
        conn_id=conn_id,
        conn_type=_normalize_type(parts.scheme),
        host=unquote(host.strip("[]")) or None,
        login=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        port=port,
        schema=unquote(parts.path[1:]) or None,
        extra=parse_extra(query["__extra__"]) if "__extra__" in query else dict(query),
    )


class _Json(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    conn_type: str
    host: str | None = None
    login: str | None = None
    password: str | None = None
    port: int | None = None
    schema_: str | None = Field(None, alias="schema")
    extra: Annotated[dict[str, Any], BeforeValidator(parse_extra)] = Field(default_factory=dict)
    description: str | None = None


def _parse_json(conn_id: str, text: str) -> ConnectionSpec:
    try:
        read = _Json.model_validate_json(text)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, item['loc'])) or 'JSON'}: {item['msg']}" for item in error.errors())
        raise ValueError(f"is not a connection in JSON ({problems})") from None
    values = read.model_dump(exclude={"conn_type", "schema_", "description"})
    return ConnectionSpec(conn_id=conn_id, conn_type=_normalize_type(read.conn_type), schema=read.schema_, **values)


def _normalize_type(conn_type: str) -> str:
    return "postgres" if conn_type == "postgresql" else conn_type.replace("-", "_")
