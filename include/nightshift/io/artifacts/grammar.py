"""Whether schema.json describes a model and nothing else, decided from its text before anything is built.

Every node's kind, type and fields must be those of `allowed`. What two nodes of one `__id__` say must be equal, because
skops builds the first and takes it for the other: after this check the model is what the text says.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nightshift.io.artifacts.allowed import CHECK_ARRAY, ROOTS, is_allowed
from nightshift.io.artifacts.archive import ArrayHeader
from nightshift.io.artifacts.refusal import Refused

# Of skops' format. Older ones have readers of their own, with checks of their own.
PROTOCOL = 2
# Ours nest about 30 levels deep.
MAX_DEPTH = 100

Node = dict[str, Any]
_COMMON = frozenset({"__class__", "__module__", "__loader__", "__id__"})


@dataclass
class Reading:
    """The headers of the arrays beside the schema, and the nodes seen so far by their `__id__`."""

    arrays: Mapping[str, ArrayHeader]
    nodes: dict[int, Node] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)


def check_schema(schema: Node, arrays: Mapping[str, ArrayHeader]) -> None:
    """Refused, with the reason, unless the schema describes a model that we could have written."""
    root = dict(schema)
    protocol, version = root.pop("protocol", None), root.pop("_skops_version", None)
    if type(protocol) is not int or protocol != PROTOCOL or not isinstance(version, str):
        raise Refused(f"it is written in protocol {protocol!r} of skops {version!r}, not in protocol {PROTOCOL}")
    reading = Reading(arrays)
    try:
        _check_node(reading, root, 0)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Refused(f"its schema is malformed: {type(error).__name__}: {error}") from error
    if name_type(root) not in ROOTS:
        raise Refused(f"it holds a {name_type(root)}, not a model")
    if unused := set(arrays) - reading.files:
        raise Refused(f"its array {min(unused)!r} belongs to nothing")


def name_type(node: Node) -> str:
    """The full name of the node's type, such as `sklearn.pipeline.Pipeline`."""
    return f"{node['__module__']}.{node['__class__']}"


def _check_node(reading: Reading, node: Node, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise Refused(f"its schema nests more than {MAX_DEPTH} levels deep")
    loader, name = node["__loader__"], name_type(node)
    if not is_allowed(loader, name):
        raise Refused(f"{name} (as {loader}) is not on the list of allowed types")
    identity = node.get("__id__")
    if identity is not None and type(identity) is not int:
        raise Refused(f"a node has the id {identity!r}")
    if identity is not None and reading.nodes.setdefault(identity, node) != node:
        raise Refused("two different nodes have one id")
    _FIELDS[loader](reading, {key: value for key, value in node.items() if key not in _COMMON}, depth + 1)


def _check_nodes(reading: Reading, nodes: Any, depth: int) -> None:
    if not isinstance(nodes, list):
        raise TypeError("a list was expected")
    for node in nodes:
        _check_node(reading, node, depth)


def _check_content(reading: Reading, fields: Node, depth: int) -> None:
    """An object's attributes, or a dtype's empty array."""
    if fields:
        _check_node(reading, _take(fields, "content")[0], depth)


def _check_list(reading: Reading, fields: Node, depth: int) -> None:
    _check_nodes(reading, _take(fields, "content")[0], depth)


def _check_dict(reading: Reading, fields: Node, depth: int) -> None:
    content, keys = _take(fields, "content", "key_types")
    _check_node(reading, keys, depth)
    if keys["__loader__"] != "ListNode" or any(key["__loader__"] != "TypeNode" for key in keys["content"]):
        raise TypeError("the types of a dictionary's keys are no list of types")
    for value in content.values():
        _check_node(reading, value, depth)


def _check_value(reading: Reading, fields: Node, depth: int) -> None:
    """A single number, text, bool or null; what nests is written as nodes."""
    content, is_json = _take(fields, "content", "is_json")
    if is_json is not True or isinstance(json.loads(content), dict | list):
        raise TypeError("a value is not a single one")


def _check_array(reading: Reading, fields: Node, depth: int) -> None:
    if fields["type"] == "numpy":
        _, file = _take(fields, "type", "file")
        reading.arrays[file]
        reading.files.add(file)
    else:
        kind, items, shape = _take(fields, "type", "content", "shape")
        if kind != "json":
            raise ValueError(f"an array is stored as {kind!r}")
        _check_nodes(reading, items, depth)
        _check_node(reading, shape, depth)


def _check_tree(reading: Reading, fields: Node, depth: int) -> None:
    """scikit-learn copies as many nodes as `node_count` and `n_outputs` say, so they must be those of the arrays."""
    reduced, state = _take(fields, "__reduce__", "content")
    (arguments,) = _take(reduced, "args")
    _check_node(reading, arguments, depth)
    _check_node(reading, state, depth)
    features, classes, outputs = arguments["content"]
    _, count, nodes, values = _take(state["content"], "max_depth", "node_count", "nodes", "values")
    shapes = [reading.arrays[array["file"]].shape for array in (classes, nodes, values)]
    expected = [(read_number(outputs),), (read_number(count),), (read_number(count), *shapes[2][1:])]
    if shapes != expected or read_number(count) < 1 or read_number(outputs) < 1 or read_number(features) < 0:
        raise Refused("a tree's arrays do not have the sizes that the tree claims")


def _check_loss(reading: Reading, fields: Node, depth: int) -> None:
    """Called with plain numbers, and without a state."""
    reduced, state = _take(fields, "__reduce__", "content")
    (arguments,) = _take(reduced, "args")
    for node in (arguments, state):
        _check_node(reading, node, depth)
    if state["content"] or any(argument["__loader__"] != "JsonNode" for argument in arguments["content"]):
        raise ValueError("a loss has more than numbers")


def _check_partial(reading: Reading, fields: Node, depth: int) -> None:
    """`check_array` with keyword arguments, and nothing else."""
    (content,) = _take(fields, "content")
    function, arguments, keywords, namespace = _take(content, "func", "args", "kwds", "namespace")
    for node in (function, arguments, keywords, namespace):
        _check_node(reading, node, depth)
    plain = arguments["content"] == [] and keywords["__loader__"] == "DictNode" and namespace["content"] == "null"
    if name_type(function) != CHECK_ARRAY or not plain:
        raise Refused(f"functools.partial is allowed for {CHECK_ARRAY} with keywords only")


def _check_generator(reading: Reading, fields: Node, depth: int) -> None:
    """The random numbers of a boosting: skops calls the class of numpy.random that the state names."""
    (content,) = _take(fields, "content")
    state, seed = _take(content, "bit_generator", "seed_seq")
    for node in (state, seed):
        _check_node(reading, node, depth)
    _, _, pool, _ = _take(seed["content"], "entropy", "spawn_key", "pool_size", "n_children_spawned")
    if read_value(state["content"]["bit_generator"]) != "PCG64" or read_number(pool) != 4:
        raise Refused("its random generator is not the one that scikit-learn makes")


def _check_slice(reading: Reading, fields: Node, depth: int) -> None:
    (content,) = _take(fields, "content")
    if any(value is not None and type(value) is not int for value in _take(content, "start", "stop", "step")):
        raise ValueError("a slice has something else than numbers")


def _check_name(reading: Reading, fields: Node, depth: int) -> None:
    """A type or function: its name is all there is."""
    _take(fields)


def read_value(node: Node) -> Any:
    """The number, text, bool or None of a JsonNode."""
    return json.loads(node["content"])


def read_number(node: Node) -> int:
    """The integer of a JsonNode."""
    value = read_value(node)
    if type(value) is not int:
        raise TypeError(f"{value!r} is no integer")
    return value


def _take(fields: Node, *names: str) -> list[Any]:
    """The fields' values; ValueError where there are others, or fewer."""
    if set(fields) != set(names):
        raise ValueError(f"fields {', '.join(sorted(map(str, fields)))} instead of {', '.join(sorted(names))}")
    return [fields[name] for name in names]


_FIELDS: Mapping[str, Callable[[Reading, Node, int], None]] = {
    "DTypeNode": _check_content,
    "DictNode": _check_dict,
    "FunctionNode": _check_name,
    "JsonNode": _check_value,
    "ListNode": _check_list,
    "LossNode": _check_loss,
    "NdArrayNode": _check_array,
    "ObjectNode": _check_content,
    "PartialNode": _check_partial,
    "RandomGeneratorNode": _check_generator,
    "SliceNode": _check_slice,
    "TreeNode": _check_tree,
    "TupleNode": _check_list,
    "TypeNode": _check_name,
}
