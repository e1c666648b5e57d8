"""A YAML file as a strict model: every problem at once, with file, line, field and the nearest valid name."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError

from include.config.model import PASSWORD_IN_URL
from include.config.names import suggest_name

MAX_YAML_BYTES = 256 * 1024
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
        return f"{where}: {self.field + ': ' if self.field else ''}{self.message}"


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
        if not self.file.is_file():
            return Problem(self.file, None, "", "is missing")
        content = self.file.read_bytes()
        if len(content) > MAX_YAML_BYTES:
            return Problem(self.file, None, "", f"is larger than {MAX_YAML_BYTES} bytes")
        try:
            text = content.decode()
            if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
                return Problem(self.file, None, "", "uses a YAML alias (*name); write the value out")
            loader = yaml.SafeLoader(text)
            try:
                node = loader.get_single_node()
                self.value = loader.construct_document(node) if node else None
            finally:
                loader.dispose()
        except UnicodeDecodeError as error:
            return Problem(self.file, None, "", f"is not UTF-8 text: {error}")
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            mark = getattr(error, "problem_mark", None)
            reason = getattr(error, "problem", None) or str(error)
            return Problem(self.file, mark.line + 1 if mark else None, "", f"is not valid YAML: {reason}")
        if node is None or not isinstance(self.value, dict):
            return Problem(self.file, None, "", "must be a mapping of keys to values")
        self._index(node, ())
        self.value = freeze_lists(self.value)
        return None

    def _index(self, node: yaml.Node, location: Location) -> None:
        """Note the line of every key below `node`, and each key that stands twice."""
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                inner = (*location, str(key.value))
                line = key.start_mark.line + 1
                if inner in self.lines:
                    first = self.lines[inner]
                    self.problems.append(
                        Problem(self.file, line, join_field(inner), f"stands twice (first: line {first})")
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
            if line := self.lines.get(location):
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
            if isinstance(part, str) and part in candidate.model_fields:
                found += _models_in(candidate.model_fields[part].annotation)
            elif isinstance(part, int) or part not in candidate.model_fields:
                found.append(candidate)
        models = found or models
    return sorted({name for candidate in models for name in candidate.model_fields})


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
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


def _explain(error: Any, model: type[BaseModel], document: Document) -> Problem:
    location = _strip_tags(tuple(part for part in error["loc"] if part != "[key]"), document.value)
    given = error["input"]
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        valid = list_field_names(model, location[:-1])
        near = suggest_name(str(location[-1]), valid)
        hint = f"did you mean {near!r}?" if near else f"valid here: {', '.join(valid)}"
        message = f"is not a known key; {hint}"
    elif error["type"] == "missing":
        message = "is required"
    elif error["type"] in ("literal_error", "union_tag_invalid"):
        expected = error["ctx"].get("expected") or error["ctx"].get("expected_tags")
        if error["type"] == "union_tag_invalid":
            location, given = (*location, "kind"), given.get("kind")
        near = suggest_name(str(given), [name.strip(" '") for name in expected.replace(" or ", ",").split(",")])
        message = f"{given!r} is not one of {expected}" + (f"; did you mean {near!r}?" if near else "")
    elif not isinstance(given, (dict, tuple)):
        message = f"{PASSWORD_IN_URL.sub('***', repr(given))}: {message}"
    return Problem(document.file, document.find_line(location), join_field(location), message)


def validate_document(model: type[M], document: Document) -> M | None:
    """The document as a model; None where it is not one, with every problem noted in the document."""
    if document.value is None or not isinstance(document.value, dict):
        return None
    try:
        return model.model_validate(document.value)
    except ValidationError as error:
        document.problems += [_explain(item, model, document) for item in error.errors()]
        return None
