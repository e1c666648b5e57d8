"""The record of a kind of source. Those that ship are registered in io/sources/shipped.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nightshift.extension.registry import Registry


@dataclass(frozen=True)
class SourceKind:
    """Where rows come from: what `source.kind` of pipeline.yaml names.

    `settings`: a subclass of `nightshift.config.sections.source.SourceSettings` with the section's fields.
    `open(settings, pipeline_folder, get_connection, params)` gives a reader: an object whose
    `read_blocks(partitions)` yields, for each part of the data, where it is from (text) and a pyarrow Table of the rows
    of these partitions (dates) and no others. NightshiftError, or a subclass from nightshift.errors, where it can't.
    `require(settings, get_connection)`, optional: NightshiftError where a look at this machine tells that there are no
    data; servers are not asked.
    """

    name: str
    settings: type[Any]
    open: Callable[..., Any]
    require: Callable[..., None] | None = None


SOURCE_KINDS: Registry[SourceKind] = Registry("kind of source", "nightshift.io.sources.shipped")
