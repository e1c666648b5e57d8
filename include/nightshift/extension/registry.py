"""What there is of one kind of thing, by name."""

import importlib
import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Generic, Protocol, TypeVar

from nightshift.errors import NightshiftError

NAME = re.compile(r"[a-z][a-z0-9_]{0,47}")


class Named(Protocol):
    """A record that says its name."""

    @property
    def name(self) -> str:
        """Lower case letters, digits and _."""
        ...


T = TypeVar("T", bound=Named)


class Registry(Generic[T]):
    """Records by name, in the order in which they were registered.

    `thing` is what messages call one. `shipped` are the modules that register what ships with the engine; they are
    imported at the first question, since they belong to the layers above.
    """

    def __init__(self, thing: str, *shipped: str) -> None:
        self.thing, self._shipped = thing, list(shipped)
        self._records: dict[str, T] = {}

    def register(self, record: T) -> T:
        """Add a record and return it; NightshiftError where the name is taken or can't be one."""
        self._load_shipped()
        if not NAME.fullmatch(record.name):
            raise NightshiftError(
                f"{record.name!r} can't name a {self.thing}: lower case letters, digits and _, a letter first, up to 48"
            )
        if record.name in self._records:
            raise NightshiftError(f"a {self.thing} called {record.name!r} exists already; choose another name")
        self._records[record.name] = record
        return record

    def unregister(self, name: str) -> None:
        """Forget a record, so that a test or a file that failed half way leaves nothing behind."""
        self._records.pop(name, None)

    def find(self, name: str) -> T:
        """The record of that name; NightshiftError with the nearest name, or all there are, where there is none."""
        self._load_shipped()
        if name in self._records:
            return self._records[name]
        near = get_close_matches(name, self._records, n=1, cutoff=0.6)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(self._records)}"
        raise NightshiftError(f"there is no {self.thing} called {name[:100]!r}; {hint}")

    def list_names(self) -> tuple[str, ...]:
        """All names."""
        self._load_shipped()
        return tuple(self._records)

    def __iter__(self) -> Iterator[T]:
        self._load_shipped()
        return iter(tuple(self._records.values()))

    def __contains__(self, name: object) -> bool:
        self._load_shipped()
        return name in self._records

    def _load_shipped(self) -> None:
        # Emptied first: the modules themselves call `register`.
        modules, self._shipped = self._shipped, []
        for module in modules:
            importlib.import_module(module)
