"""How a batch's columns differ from what was agreed, and which differences the pipeline's policy takes.

Agreed is what `columns` declares, and beyond that what the last accepted batch had. The order of columns says nothing.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import pyarrow as pa

from nightshift.config.arrow_types import ARROW_TYPES
from nightshift.config.model import ColumnType
from nightshift.config.names import suggest_name
from nightshift.config.sections.schema_contract import Policy
from nightshift.core.batch.casting import TypedTable, type_columns
from nightshift.core.batch.column_types import NOTHING, PLAIN, drop_zone, is_native, is_same, list_types
from nightshift.core.batch.lazy_columns import Columns, LazyColumns

# A column of which most values don't fit has another type; where only some don't, their rows are at fault.
MOST = 0.5
# Under `evolve`: so few values may get lost in a new type; their rows go to quarantine.
LOST = 0.01
# Enough values to tell whether a new column could be a missing one under another name.
LOOKED_AT = 1000


@dataclass(frozen=True)
class SchemaChange:
    """One difference, as monitoring.schema_changes keeps it; `expected` and `found` are types or names."""

    column: str
    change: Literal["added", "dropped", "renamed", "retyped"]
    expected: str | None
    found: str | None
    accepted: bool
    detail: str

    def to_record(self) -> dict[str, Any]:
        """As a row of the table has it."""
        names = ("change", "expected", "found", "accepted", "detail")
        return {"column_name": self.column, **{name: getattr(self, name) for name in names}}


@dataclass(frozen=True)
class Contract:
    """What was agreed. `needed` are columns that something is made from; `before` are the last accepted batch's types.

    `taken` are names that the pipeline makes itself, so that no new column may have them.
    """

    policy: Policy
    declared: Mapping[str, ColumnType]
    needed: frozenset[str]
    taken: frozenset[str] = frozenset()
    before: Mapping[str, str] | None = None


def compare_schema(contract: Contract, raw: Columns, typed: TypedTable) -> list[SchemaChange]:
    """Every difference; `typed` are the declared columns that are there."""
    found = list_types(raw)
    missing = [name for name in contract.declared if name not in found]
    extra = [name for name in found if name not in contract.declared]
    renamed = guess_renamed(contract, raw, missing, extra)
    return [
        *(_judge_missing(contract, name, found, renamed.get(name)) for name in missing),
        *_judge_retyped(contract, found, typed),
        *(_judge_added(contract, name, found[name]) for name in _list_added(contract, extra, renamed)),
        *_judge_undeclared(contract, found),
    ]


def guess_renamed(contract: Contract, raw: Columns, missing: Sequence[str], extra: Sequence[str]) -> dict[str, str]:
    """Missing column -> the new one that it may be: alike in name, or at its place, with values that fit."""
    known = contract.before or {}
    renamed: dict[str, str] = {}
    for name in missing:
        kind = contract.declared[name]
        free = [new for new in extra if new not in renamed.values() and new not in known]
        likely = _find_alike(name, free) or _find_at_place(name, list(known), raw.column_names, free)
        if likely and _fits(raw, likely, kind):
            renamed[name] = likely
    return renamed


def _find_alike(name: str, others: Sequence[str]) -> str | None:
    folded = {fold_name(other): other for other in others}
    near = fold_name(name) if fold_name(name) in folded else suggest_name(fold_name(name), folded)
    return folded[near] if near else None


def _find_at_place(name: str, before: list[str], now: list[str], others: Sequence[str]) -> str | None:
    """The new column that stands where `name` stood, where all others stand as they did."""
    if name not in before or len(before) != len(now):
        return None
    candidate = now[before.index(name)]
    return candidate if candidate in others else None


def fold_name(name: str) -> str:
    """A name without what people don't see: case, width, accents, invisible characters, punctuation.

    >>> fold_name("Monthly Charge"), fold_name("monthly_charge")
    ('monthlycharge', 'monthlycharge')
    """
    decomposed = unicodedata.normalize("NFKD", name).casefold()
    return "".join(letter for letter in decomposed if letter.isalnum()) or name


def _fits(raw: Columns, column: str, kind: ColumnType) -> bool:
    head = pa.table({column: raw.column(column).slice(0, LOOKED_AT)})
    filled = head.column(0).null_count < len(head)
    return filled and find_lost_share(type_columns(head, {column: kind}), column) <= LOST


def find_lost_share(typed: TypedTable, column: str) -> float:
    """The share of a column's values that don't fit its type; 0 where it has none."""
    lost = int(typed.misfits[column].sum()) if column in typed.misfits else 0
    return lost / (lost + typed.table.num_rows - typed.table.column(column).null_count) if lost else 0.0


def _judge_missing(contract: Contract, name: str, found: Mapping[str, str], new: str | None) -> SchemaChange:
    free = contract.policy == "evolve" and name not in contract.needed
    hint = f" (it has {_show(new, name)}: renamed?)" if new else ""
    fate = "; nothing uses it, so it is empty from now on" if free else ""
    near = suggest_name(name, found) if not new else None
    near = f" (it has {_show(near, name)})" if near else ""
    detail = f"column {name!r} is missing from the source{near}{hint}{fate}"
    if new:
        return SchemaChange(name, "renamed", name, new, free, detail)
    return SchemaChange(name, "dropped", contract.declared[name], None, free, detail)


def _show(name: str, beside: str) -> str:
    """A name that is no other one in disguise: letters of another alphabet look like ours."""
    return ascii(name) if beside.isascii() else repr(name)


def _judge_retyped(contract: Contract, found: Mapping[str, str], typed: TypedTable) -> list[SchemaChange]:
    changes = []
    for name, kind in contract.declared.items():
        if name in found:
            share = find_lost_share(typed, name)
            if expected := _find_other_type(contract, name, found[name], share):
                lossless = contract.policy == "evolve" and share <= LOST
                mixed = 0 < share <= MOST and contract.policy != "freeze" and found[name] == "text"
                detail = f"column {name!r} was {expected} and is {found[name]} now"
                if share:
                    detail += f"; {share:.1%} of its values are no {kind}"
                changes.append(SchemaChange(name, "retyped", expected, found[name], lossless or mixed, detail))
    return changes


def _find_other_type(contract: Contract, name: str, found: str, share: float) -> str | None:
    """The type that was expected, where the column has another one."""
    kind, before = contract.declared[name], (contract.before or {}).get(name, NOTHING)
    if share > MOST:
        return kind
    if found == "text":  # CSV knows nothing else; what was no text before has changed.
        return None if kind == "text" or before in ("text", NOTHING) else before
    if not is_native(found, kind):
        return kind
    # Another time zone moves every hour, though the type is the same.
    moved = before != found and drop_zone(before) == drop_zone(found) == "timestamp"
    return before if moved else None


def _list_added(contract: Contract, extra: Sequence[str], renamed: Mapping[str, str]) -> list[str]:
    """New columns; under `freeze` also those that earlier batches had, since only what is declared was agreed."""
    known = set(contract.before or ()) if contract.policy != "freeze" else set()
    return [name for name in extra if name not in known and name not in renamed.values()]


def _judge_added(contract: Contract, name: str, found: str) -> SchemaChange:
    frozen = contract.policy == "freeze"
    takes = contract.policy == "evolve"
    fate = "it is taken along" if takes and is_taken_along(contract, name, found) else "it is left out"
    detail = f"column {name!r} ({found}) is not among columns of pipeline.yaml" + ("" if frozen else f"; {fate}")
    return SchemaChange(name, "added", None, found, not frozen, detail)


def _judge_undeclared(contract: Contract, found: Mapping[str, str]) -> list[SchemaChange]:
    """Columns that nobody declared, but that the last batch had: gone, or of another type."""
    if contract.policy == "freeze":
        return []
    changes = []
    for name, before in (contract.before or {}).items():
        if name in contract.declared:
            continue
        if name not in found:
            detail = f"column {name!r}, which is not declared, is missing from the source"
            changes.append(SchemaChange(name, "dropped", before, None, True, detail))
        elif not is_same(found[name], before):
            detail = f"column {name!r}, which is not declared, was {before} and is {found[name]} now"
            changes.append(SchemaChange(name, "retyped", before, found[name], True, detail))
    return changes


def is_taken_along(contract: Contract, name: str, found: str) -> bool:
    """Whether `evolve` takes a new column: of a plain type, and under a name that the pipeline does not make."""
    return name not in contract.taken and drop_zone(found) in PLAIN


def complete_table(contract: Contract, raw: Columns, typed: TypedTable) -> TypedTable:
    """All declared columns, empty where they are gone; under `evolve` then the source's others, sorted by name."""
    kinds = {name: ARROW_TYPES[kind] for name, kind in contract.declared.items()}
    present, extra = set(typed.table.column_names), {}
    if contract.policy == "evolve":
        found = list_types(raw)
        names = sorted(name for name in found if name not in kinds and is_taken_along(contract, name, found[name]))
        extra = {name: raw.schema.field(name).type for name in names}

    def read(name: str) -> pa.ChunkedArray:
        if name in extra:
            return raw.column(name)
        if name in present:
            return typed.table.column(name)
        return pa.chunked_array([pa.nulls(raw.num_rows, kinds[name])])

    return replace(typed, table=LazyColumns(pa.schema({**kinds, **extra}), raw.num_rows, read))
