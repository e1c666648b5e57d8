"""airflow_settings.yaml, in the Astro CLI's format: connections, pools and variables."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from nightshift.config.airflow.connection_text import parse_connection, parse_extra
from nightshift.config.airflow.connections import ConnectionSpec
from nightshift.config.project import COMMAND
from nightshift.config.yaml.document import Document, Problem, join_field, validate_document
from nightshift.errors import NightshiftError

CONNECTION_VARIABLE, VARIABLE_VARIABLE = "AIRFLOW_CONN_", "AIRFLOW_VAR_"
SECRET_FIELDS = frozenset({"conn_password", "conn_uri", "conn_extra", "variable_value"})
# The PostgreSQL that Nightshift starts itself.
EMBEDDED = "embedded"


class SettingsRefused(NightshiftError):
    """A settings file that can't be used, with all its problems."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        lines = "\n".join(f"  {problem}" for problem in problems)
        super().__init__(f"{problems[0].file.name} is refused:\n{lines}\nFix it, then run the same command again.")


class Pool(NamedTuple):
    """How many tasks of a kind may run at once."""

    name: str
    slots: int
    description: str


@dataclass(frozen=True)
class Settings:
    """What the file says. Secrets stay out of `repr`."""

    connections: dict[str, ConnectionSpec]
    pools: tuple[Pool, ...] = ()
    variables: dict[str, str] = field(default_factory=dict, repr=False)


Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[\w.-]+$")]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _Connection(_Entry):
    conn_id: Name
    conn_type: str | None = None
    conn_host: str | None = None
    conn_schema: str | None = None
    conn_login: str | None = None
    conn_password: str | None = None
    conn_port: Annotated[int, Field(ge=1, le=65535)] | None = None
    conn_extra: Annotated[dict[str, Any], BeforeValidator(parse_extra)] = Field(default_factory=dict)
    conn_uri: str | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not self.conn_type and not self.conn_uri:
            raise ValueError("needs a conn_type, such as postgres, fs or aws (or a conn_uri)")
        if self.conn_host == EMBEDDED and self.conn_type not in ("postgres", "postgresql"):
            raise ValueError("conn_host: embedded is the PostgreSQL that Nightshift starts; its conn_type is postgres")
        if self.conn_uri:
            parse_connection(self.conn_id, self.conn_uri)
        return self

    def to_spec(self) -> ConnectionSpec:
        if self.conn_uri:
            return parse_connection(self.conn_id, self.conn_uri)
        return ConnectionSpec(
            conn_id=self.conn_id,
            conn_type=self.conn_type or "",
            host=self.conn_host or None,
            login=self.conn_login or None,
            password=str(self.conn_password or "") or None,
            port=self.conn_port,
            schema=self.conn_schema or None,
            extra=self.conn_extra,
        )


class _Pool(_Entry):
    pool_name: Name
    pool_slot: int = Field(ge=1)
    pool_description: str | None = None


class _Variable(_Entry):
    variable_name: Annotated[str, Field(min_length=1, max_length=250)]
    variable_value: str | None = None


class _Sections(_Entry):
    connections: tuple[_Connection, ...] = ()
    pools: tuple[_Pool, ...] = ()
    variables: tuple[_Variable, ...] = ()


class _File(_Entry):
    airflow: _Sections


class _HiddenText(str):
    """A secret as problems show it."""

    def __repr__(self) -> str:
        return "(hidden)"


class _HiddenValue:
    """A secret that is not even text, as problems show it."""

    def __repr__(self) -> str:
        return "(hidden)"


def load_settings(path: Path) -> Settings:
    """Read the file; SettingsRefused with every problem, its line and field, and the nearest valid name."""
    if not path.exists():
        hint = f"go to a project's folder, or make one: {COMMAND} init FOLDER"
        raise SettingsRefused([Problem(path, None, "", f"is missing, so this folder is no project; {hint}")])
    document = Document(path)
    document.value = _hide_secrets(document.value)
    content = validate_document(_File, document)
    problems = [*document.problems, *_list_doubles(document)]
    if problems or content is None:
        raise SettingsRefused(problems)
    sections = content.airflow
    return Settings(
        connections={entry.conn_id: entry.to_spec() for entry in sections.connections},
        pools=tuple(Pool(entry.pool_name, entry.pool_slot, entry.pool_description or "") for entry in sections.pools),
        variables={entry.variable_name: str(entry.variable_value or "") for entry in sections.variables},
    )


def _hide_secrets(value: Any, key: str = "") -> Any:
    if isinstance(value, dict) and key not in SECRET_FIELDS:
        return {name: _hide_secrets(inner, str(name)) for name, inner in value.items()}
    if isinstance(value, tuple):
        return tuple(_hide_secrets(inner, key) for inner in value)
    if key not in SECRET_FIELDS or value is None or isinstance(value, dict):
        return value
    return _HiddenText(value) if isinstance(value, str) else _HiddenValue()


def _list_doubles(document: Document) -> Iterable[Problem]:
    """Names that stand twice; looked for in the raw values, so that other problems don't hide them."""
    for section, key in (("connections", "conn_id"), ("pools", "pool_name"), ("variables", "variable_name")):
        first: dict[Any, int] = {}
        for position, name in _list_names(document.value, section, key):
            location = ("airflow", section, position, key)
            if name in first:
                message = f"{name!r} appears twice (first: line {first[name]})"
                yield Problem(document.file, document.find_line(location), join_field(location), message)
            first.setdefault(name, document.find_line(location) or 0)


def _list_names(value: Any, section: str, key: str) -> Iterable[tuple[int, str]]:
    airflow = value.get("airflow") if isinstance(value, dict) else None
    entries = airflow.get(section) if isinstance(airflow, dict) else None
    for position, entry in enumerate(entries if isinstance(entries, tuple) else ()):
        if isinstance(entry, dict) and isinstance(entry.get(key), str):
            yield position, entry[key]


def override_from_environment(settings: Settings, environ: Mapping[str, str]) -> Settings:
    """Let AIRFLOW_CONN_ID and AIRFLOW_VAR_NAME win over the file, as Airflow itself does."""
    known = {conn_id.upper(): conn_id for conn_id in settings.connections}
    known_variables = {name.upper(): name for name in settings.variables}
    connections, variables = dict(settings.connections), dict(settings.variables)
    for name, value in environ.items():
        if name.startswith(CONNECTION_VARIABLE) and value:
            suffix = name.removeprefix(CONNECTION_VARIABLE)
            conn_id = known.get(suffix, suffix.lower())
            connections[conn_id] = _read_variable(name, conn_id, value)
        elif name.startswith(VARIABLE_VARIABLE):
            suffix = name.removeprefix(VARIABLE_VARIABLE)
            variables[known_variables.get(suffix, suffix.lower())] = value
    return replace(settings, connections=connections, variables=variables)


def _read_variable(name: str, conn_id: str, value: str) -> ConnectionSpec:
    try:
        return parse_connection(conn_id, value)
    except ValueError as error:
        raise NightshiftError(
            f"The environment variable {name} {error}. Write a URI (postgres://user:password@host:5432/database) "
            'or JSON ({"conn_type": "postgres", "host": …}), or unset it.'
        ) from None
