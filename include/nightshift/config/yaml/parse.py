"""YAML as people mean it: only plain values, keys as they are written, and no number that is not what it looks like."""

import re
from collections.abc import Iterator
from typing import Any, NoReturn

import yaml

# What YAML 1.1 makes of a bare word: 010 is 8, 1:30 is 90.
ODD_INTEGER = re.compile(r"[-+]?(0[0-7_]+|[0-9_]+(:[0-5]?[0-9])+)")
DEEPEST = 50
KEY_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("int", "float", "bool", "null", "timestamp"))
TEXT_TAG = "tag:yaml.org,2002:str"
# The reader in C, where PyYAML has it, takes a tenth of the time: every parse of a DAG file reads all pipelines.
READER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class _Loader(READER):
    """The safe loader, every failure of which has a place."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """The value of a node."""
        try:
            return super().construct_object(node, deep)
        except (yaml.YAMLError, RecursionError):
            raise
        except Exception as error:
            # Without the value, which may be a secret.
            kind = node.tag.rpartition(":")[2]
            reason = f"holds a {kind} that is not valid" + (f": {error}" if kind == "timestamp" else "")
            raise yaml.constructor.ConstructorError(None, None, reason, node.start_mark) from error

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """A whole number, unless it means another one than people read."""
        if ODD_INTEGER.fullmatch(node.value):
            reason = (
                "YAML counts this number in eights or sixties (010 is 8, 1:30 is 90); write it plainly, or in quotes"
            )
            raise yaml.constructor.ConstructorError(None, None, reason, node.start_mark)
        return int(super().construct_yaml_int(node))


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)


def parse_yaml(text: str) -> tuple[yaml.Node | None, Any]:
    """The text's tree and its value. YAMLError, with its place, for what is no plain YAML; RecursionError too deep."""
    if found := yaml.reader.Reader.NON_PRINTABLE.search(text):
        line = text.count("\n", 0, found.start())
        mark = yaml.Mark("", found.start(), line, 0, None, 0)
        raise yaml.constructor.ConstructorError(None, None, "holds a control character, which no text may hold", mark)
    depth = 0
    for event in yaml.parse(text, READER):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:  # The reader's time grows with the square of the depth.
            _refuse(event, f"is nested more than {DEEPEST} levels deep")
        if isinstance(event, yaml.AliasEvent):
            _refuse(event, "uses a YAML alias (*name); write the value out")
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node:
            for inner in _walk(node):
                _settle(inner)
        return node, loader.construct_document(node) if node else None
    finally:
        loader.dispose()


def _refuse(place: Any, reason: str) -> NoReturn:
    """Raise the error of the reader itself; `place` is an event or a node."""
    raise yaml.constructor.ConstructorError(None, None, reason, place.start_mark)


def _walk(node: yaml.Node) -> Iterator[yaml.Node]:
    """The node and all below it; a loop, since hostile files nest deeply."""
    waiting = [node]
    while waiting:
        current = waiting.pop()
        yield current
        if isinstance(current, yaml.MappingNode):
            waiting += [part for pair in current.value for part in pair]
        elif isinstance(current, yaml.SequenceNode):
            waiting += current.value


def _settle(node: yaml.Node) -> None:
    """Keys are names, also `no`, `on` and `7`; text holds nothing that no database takes."""
    if isinstance(node, yaml.MappingNode):
        for key, _ in node.value:
            if key.tag in KEY_TAGS:
                key.tag = TEXT_TAG
    elif isinstance(node, yaml.ScalarNode) and CONTROL.search(node.value):
        _refuse(node, "holds a control character, which no text may hold")
