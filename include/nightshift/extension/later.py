"""Functions and classes by name, imported at the first call: records of what ships cost nothing to read."""

from collections.abc import Callable
from importlib import import_module
from typing import Any


def later(module: str, name: str) -> Callable[..., Any]:
    """A stand-in for `module.name` that imports it at its first call."""

    def call(*arguments: Any, **named: Any) -> Any:
        return getattr(import_module(module), name)(*arguments, **named)

    call.__name__ = call.__qualname__ = name
    return call
