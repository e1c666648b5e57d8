"""Objects that may go, and their end: each after a second look under the lock that whoever points at it holds."""

from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby

from sqlalchemy import Connection

from nightshift.config.horizons import MAX_ATTEMPT_DAYS
from nightshift.config.pipeline import PipelineConfig
from nightshift.core.retention import Doomed, Found, choose_garbage, list_referrers
from nightshift.io.lake.base import Lake, StoredObject
from nightshift.io.lake.folder import INCOMING
from nightshift.io.lake.layout import KINDS, find_key, parse_key
from nightshift.io.ledger.references import list_references
from nightshift.io.ledger.retention import find_beginning, record_maintenance
from nightshift.io.registry import lock_versions
from nightshift.io.resources import Resources
from nightshift.io.warehouse.locks import lock_partition
from nightshift.steps.maintenance.report import Line, format_lines, make_line, sum_up
from nightshift.steps.maintenance.run import MaintenanceRun
from nightshift.steps.outcome import Outcome

# What was written long before this warehouse heard of the pipeline belongs to another one: a warehouse that was lost
# and made anew must not take the lake along.
BEFORE = timedelta(days=MAX_ATTEMPT_DAYS)
# Objects removed under one lock: a night that waits for it waits for seconds at most.
BATCH = 100


def collect_garbage(resources: Resources, configs: Sequence[PipelineConfig], maintenance: MaintenanceRun) -> Outcome:
    """Remove objects that nothing points at and writes that never ended, past the grace. Nothing in a dry run.

    Figures: lines (by pipeline and kind), objects, bytes, table.
    """
    lines = [line for config in configs for line in sweep_pipeline(resources, config, maintenance, {"orphan"})]
    lines += sweep_unfinished(resources, configs, maintenance)
    with resources.warehouse.begin() as connection:
        record_maintenance(connection, maintenance.run_id, maintenance.dry_run, lines)
    return Outcome("done", figures=make_figures(lines))


def make_figures(lines: Sequence[Line]) -> dict[str, object]:
    """What a task hands on."""
    sums = {name: sum(line[name] for line in lines) for name in ("objects", "rows", "bytes")}
    return {"lines": list(lines), **sums, "table": format_lines(lines)}


def sweep_pipeline(
    resources: Resources, config: PipelineConfig, maintenance: MaintenanceRun, reasons: Collection[str]
) -> list[Line]:
    """Remove what may go for one of these reasons; the lines say what went, or in a dry run what would."""
    doomed = [item for item in find_garbage(resources, config, maintenance) if item.why in reasons]
    return sum_up(
        config.name, doomed if maintenance.dry_run else remove_garbage(resources, config, maintenance, doomed)
    )


def find_garbage(resources: Resources, config: PipelineConfig, maintenance: MaintenanceRun) -> list[Doomed]:
    """What may go at first sight, by partition."""
    with resources.warehouse.begin() as connection:
        beginning = find_beginning(connection, config.name)
        held = _find_holders(connection, config.name)
    if beginning is None:
        return []
    objects = (found for found in list_found(resources.lake, config.name) if found.born > beginning - BEFORE)
    doomed = choose_garbage(objects, held, maintenance.find_limits(config), maintenance.now)
    return sorted(doomed, key=lambda item: (item.found.partition, item.found.key))


def remove_garbage(
    resources: Resources, config: PipelineConfig, maintenance: MaintenanceRun, doomed: Sequence[Doomed]
) -> list[Doomed]:
    """Remove what still may go when its partition is locked; return what went."""
    gone: list[Doomed] = []
    for partition, group in groupby(doomed, key=lambda item: item.found.partition):
        items = [item.found for item in group]
        for start in range(0, len(items), BATCH):
            gone += _remove_batch(resources, config, maintenance, partition, items[start : start + BATCH])
    return gone


def _remove_batch(
    resources: Resources, config: PipelineConfig, maintenance: MaintenanceRun, partition: str, batch: Sequence[Found]
) -> list[Doomed]:
    with resources.warehouse.begin() as connection:
        if partition:
            lock_partition(connection, config.name, date.fromisoformat(partition))
        else:
            lock_versions(connection, config.name)
        held = _find_holders(connection, config.name, [found.key for found in batch])
        doomed = choose_garbage(batch, held, maintenance.find_limits(config), maintenance.now)
        for item in doomed:
            resources.lake.delete(item.found.uri)
    return doomed


def _find_holders(
    connection: Connection, pipeline: str, keys: Collection[str] | None = None
) -> dict[str, datetime | None]:
    references = list_references(connection, pipeline, keys)
    return list_referrers((find_key(reference.uri), reference.replaced_at) for reference in references)


def list_found(lake: Lake, pipeline: str) -> Iterator[Found]:
    """Every object of the pipeline whose key is one that Nightshift makes."""
    for kind in KINDS:
        for stored in lake.list_objects(f"{kind}/{pipeline}/"):
            place = parse_key(stored.key)
            if place is not None:
                # Two clocks again: the machine's that named it, and the store's.
                born = max(place.begun_at, stored.modified_at)
                yield Found(stored.key, stored.uri, kind, pipeline, place.partition, stored.size, born)


def sweep_unfinished(
    resources: Resources, configs: Sequence[PipelineConfig], maintenance: MaintenanceRun
) -> list[Line]:
    """Remove writes that never ended, past the grace."""
    names = {config.name for config in configs}
    stale = [
        item
        for item in resources.lake.list_unfinished()
        if maintenance.now - item.modified_at > timedelta(days=maintenance.grace) and _is_ours(item, names)
    ]
    if not stale:
        return []
    for item in stale if not maintenance.dry_run else ():
        resources.lake.delete_unfinished(item)
    size, oldest = sum(item.size for item in stale), min(item.modified_at for item in stale)
    return [make_line(None, "unfinished write", len(stale), 0, size, oldest, [item.uri for item in stale])]


def _is_ours(unfinished: StoredObject, names: Collection[str]) -> bool:
    place = parse_key(unfinished.key)
    return unfinished.key.startswith(f"{INCOMING}/") or (place is not None and place.pipeline in names)
