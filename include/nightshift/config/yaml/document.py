"""A YAML file as a strict model: every problem at once, with file, line, field and the nearest valid name."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError

from nightshift.config.model import SECRET_IN_ADDRESS, Inconsistent
from nightshift.config.names import suggest_name
from nightshift.config.renamed import find_new_name, find_old_location
from nightshift.config.yaml.parse import parse_yaml

MAX_YAML_BYTES = 256 * 1024
LONGEST_VALUE = 200
Location = tuple[str | int, ...]
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in a pipeline's folder."""

    file: Path
    line: int | None
    field: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else str(self.file)
        return show_text(f"{where}: {self.field[:200] + ': ' if self.field else ''}{self.message}")


def show_text(text: str) -> str:
    """Text on one line: what is no letter or sign (line breaks, terminal codes, marks of direction) is escaped."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


class Document:
    """A YAML file as plain values, with the line of every key and the keys that stand twice."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.lines: dict[Location, int] = {}
        self.problems: list[Problem] = []
        self.value: Any = None
        if problem := self._read():
            self.problems.append(problem)

    def _read(self) -> Problem | None:
        try:
            if not self.file.is_file():
                missing = "is not a file" if self.file.exists() else "is missing"
                return Problem(self.file, None, "", missing)
            with self.file.open("rb") as stream:
                content = stream.read(MAX_YAML_BYTES + 1)
        except OSError as error:
            return Problem(self.file, None, "", f"can't be read: {error.strerror or error}")
        if len(content) > MAX_YAML_BYTES:
            return Problem(self.file, None, "", f"is larger than {MAX_YAML_BYTES} bytes")
        try:
            node, self.value = parse_yaml(content.decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            return Problem(self.file, None, "", f"is not UTF-8 text: {error}")
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            reason = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
            # A tag of one's own may be a password that begins with an exclamation mark.
            reason = re.sub(r"'!.*'", "'!…'", reason, flags=re.DOTALL)
            return Problem(self.file, mark.line + 1 if mark else None, "", f"is not valid YAML: {reason}")
        except RecursionError:
            return Problem(self.file, None, "", "is not valid YAML: it is nested too deeply")
        if node is None or not isinstance(self.value, dict):
            return Problem(self.file, None, "", "must be a mapping of keys to values")
        try:
            self._index(node, ())
        except RecursionError:
            return Problem(self.file, None, "", "is nested too deeply")
        self.value = freeze_lists(self.value)
        return None

    def _index(self, node: yaml.Node, location: Location) -> None:
        """Note the line of every key below `node`, and each key that appears twice."""
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                inner = (*location, str(key.value))
                line = key.start_mark.line + 1
                if inner in self.lines:
                    first = self.lines[inner]
                    self.problems.append(
                        Problem(self.file, line, join_field(inner), f"appears twice (first: line {first})")
                    )
                self.lines.setdefault(inner, line)
                self._index(value, inner)
        elif isinstance(node, yaml.SequenceNode):
            for position, value in enumerate(node.value):
                inner = (*location, position)
                self.lines[inner] = value.start_mark.line + 1
                self._index(value, inner)

    def find_line(self, location: Location) -> int | None:
        """The line of the nearest enclosing key."""
        while location:
            if line := self.lines.get(location) or self.lines.get(find_old_location(location)):
                return line
            location = location[:-1]
        return None


def freeze_lists(value: Any) -> Any:
    """Lists as tuples, at any depth: the models are frozen."""
    if isinstance(value, dict):
        return {key: freeze_lists(item) for key, item in value.items()}
    return tuple(freeze_lists(item) for item in value) if isinstance(value, list) else value


def join_field(location: Location) -> str:
    """('source', 'path') -> 'source.path'; ('keys', 0) -> 'keys[0]'."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def list_field_names(model: type[BaseModel], location: Location) -> list[str]:
    """The valid keys at `location` inside `model`."""
    models: list[type[BaseModel]] = [model]
    for part in location:
        found: list[type[BaseModel]] = []
        for candidate in models:
            fields = _index_fields(candidate)
            if isinstance(part, str) and part in fields:
                found += _models_in(fields[part])
            elif isinstance(part, int) or part not in fields:
                found.append(candidate)
        models = found or models
    return sorted({name for candidate in models for name in _index_fields(candidate)})


def _index_fields(model: type[BaseModel]) -> dict[str, Any]:
    """The annotations of a model's fields, by the name that the file has for them."""
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return list(getattr(annotation, "list_forms", lambda: [annotation])())
    return [model for argument in get_args(annotation) for model in _models_in(argument)]


def _strip_tags(location: Location, value: Any) -> Location:
    """Pydantic puts the tag of a union (`files`, `rolling`) into the location; the file does not."""
    kept: list[str | int] = []
    for part in location:
        try:
            value = value[part]
            kept.append(part)
        except (KeyError, IndexError, TypeError):
            if not (isinstance(value, dict) and value.get("kind") == part):
                kept.append(part)
    return tuple(kept)


def _explain_all(errors: list[Any], model: type[BaseModel], document: Document) -> Iterator[Problem]:
    """What is too short only because its parts are wrong is not worth telling."""
    places = [error["loc"] for error in errors]
    for error in errors:
        found = error.get("ctx", {}).get("error")
        if isinstance(found, Inconsistent):
            for problem in found.problems:
                field, _, message = problem.partition(": ")
                yield Problem(document.file, document.find_line(tuple(field.split("."))), field, message)
        elif error["type"] != "too_short" or not any(p[: len(error["loc"])] == error["loc"] != p for p in places):
            yield _explain(error, model, document)


def _explain(error: Any, model: type[BaseModel], document: Document) -> Problem:
    location = _strip_tags(tuple(part for part in error["loc"] if part != "[key]"), document.value)
    given = error["input"]
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        valid = list_field_names(model, location[:-1])
        near = suggest_name(str(location[-1]), valid)
        hint = f"did you mean {near!r}?" if near else f"valid here: {', '.join(valid)}"
        new = find_new_name(location)
        message = f"is the old name of {new}, which is given too; keep {new}" if new else f"is not a known key; {hint}"
    elif error["type"] == "missing":
        message = "is required"
    elif error["type"] in ("literal_error", "union_tag_invalid"):
        expected = error["ctx"].get("expected") or error["ctx"].get("expected_tags")
        if error["type"] == "union_tag_invalid":
            location, given = (*location, "kind"), given.get("kind")
        near = suggest_name(str(given), [name.strip(" '") for name in expected.replace(" or ", ",").split(",")])
        message = f"{_show_value(given)} is not one of {expected}" + (f"; did you mean {near!r}?" if near else "")
    elif not isinstance(given, (dict, tuple)):
        message = f"{_show_value(given)}: {message}"
    return Problem(document.file, document.find_line(location), join_field(location), message)


def _show_value(given: Any) -> str:
    """A value as the file has it, without secrets, shortened."""
    text = SECRET_IN_ADDRESS.sub("***", str(given) if isinstance(given, date) else repr(given))
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def validate_document(model: type[M], document: Document) -> M | None:
    """The document as a model; None where it is not one, with every problem noted in the document."""
    if document.value is None or not isinstance(document.value, dict):
        return None
    try:
        return model.model_validate(document.value)
    except ValidationError as error:
        document.problems += _explain_all(error.errors(), model, document)
        return None
