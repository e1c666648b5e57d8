"""What there is of one kind of thing, by name."""

import importlib
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from threading import RLock
from typing import Any, Generic, Protocol, TypeVar

from nightshift.errors import NightshiftError

NAME = re.compile(r"[a-z][a-z0-9_]{0,47}")
# Held while modules that register something are imported: another thread must not take a part of them for all.
LOADING = RLock()
# What is registered meanwhile, but for what ships; None where nobody wants to know.
_journal: "list[tuple[Registry[Any], str]] | None" = None


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
    imported at the first question, since they belong to the layers above. `reserved` names can't be registered.
    """

    def __init__(self, thing: str, *shipped: str, reserved: Iterable[str] = ()) -> None:
        self.thing, self._shipped, self._reserved = thing, shipped, frozenset(reserved)
        self._loaded = not shipped
        self._records: dict[str, T] = {}

    def register(self, record: T) -> T:
        """Add a record and return it; NightshiftError where the name is taken or can't be one."""
        self._load_shipped()
        if not NAME.fullmatch(record.name):
            raise NightshiftError(
                f"{record.name!r} can't name a {self.thing}: lower case letters, digits and _, a letter first, up to 48"
            )
        if record.name in self._reserved:
            raise NightshiftError(
                f"{record.name!r} can't name a {self.thing}: Nightshift itself uses it; choose another name"
            )
        if record.name in self._records:
            raise NightshiftError(f"a {self.thing} called {record.name!r} exists already; choose another name")
        self._records[record.name] = record
        if _journal is not None:
            _journal.append((self, record.name))
        return record

    def unregister(self, name: str) -> None:
        """Forget a record, so that a test or a file that failed half way leaves nothing behind."""
        self._records.pop(name, None)

    def find(self, name: str) -> T:
        """The record of that name; NightshiftError with the nearest name, or all there are, where there is none."""
        self._load_shipped()
        if name in self._records:
            return self._records[name]
        raise NightshiftError(f"there is no {self.thing} called {name[:100]!r}; {self.suggest(name)}")

    def suggest(self, name: str) -> str:
        """The nearest name to one that is not there, or all there are, for the end of a message."""
        near = get_close_matches(name, self.list_names(), n=1, cutoff=0.6)
        return f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(self._records)}"

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
        if self._loaded:
            return
        with LOADING, _write_journal(None):
            # Emptied first: the modules themselves call `register`.
            modules, self._shipped = self._shipped, ()
            try:
                for module in modules:
                    importlib.import_module(module)
            except BaseException:
                self._shipped = modules
                raise
            self._loaded = self._loaded or bool(modules)


@contextmanager
def keep_all_or_nothing() -> Iterator[None]:
    """What is registered inside is forgotten again where anything is raised."""
    registered: list[tuple[Registry[Any], str]] = []
    with LOADING, _write_journal(registered):
        try:
            yield
        except BaseException:
            for registry, name in registered:
                registry.unregister(name)
            raise


@contextmanager
def _write_journal(journal: list[tuple[Registry[Any], str]] | None) -> Iterator[None]:
    global _journal  # noqa: PLW0603 - one thread at a time loads
    before, _journal = _journal, journal
    try:
        yield
    finally:
        _journal = before
