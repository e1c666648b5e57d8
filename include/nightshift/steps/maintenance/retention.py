"""What has outlived the days that pipeline.yaml gives it leaves the ledger, with its visible rows; then the lake."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from nightshift.config.pipeline import PipelineConfig
from nightshift.config.sections.retention import PARTITIONED, find_days
from nightshift.io.ledger.retention import (
    Expired,
    count_reports,
    count_shadow,
    expire_partition,
    forget_reports,
    forget_shadow,
    list_expired,
    list_stale_candidates,
    record_maintenance,
    retire_candidates,
)
from nightshift.io.resources import Resources
from nightshift.steps.maintenance.garbage import make_figures, sweep_pipeline
from nightshift.steps.maintenance.report import Line, make_line
from nightshift.steps.maintenance.run import MaintenanceRun
from nightshift.steps.outcome import Outcome


def apply_retention(resources: Resources, configs: Sequence[PipelineConfig], maintenance: MaintenanceRun) -> Outcome:
    """Apply every retention that a pipeline.yaml names. Nothing in a dry run.

    Killed anywhere and run again, it goes on: rows leave ledger and warehouse in one transaction, objects later.
    Figures: lines (by pipeline and kind), objects, rows, bytes, table.
    """
    lines = [line for config in configs for line in _retain_pipeline(resources, config, maintenance)]
    with resources.warehouse.begin() as connection:
        record_maintenance(connection, maintenance.run_id, maintenance.dry_run, lines)
    return Outcome("done", figures=make_figures(lines))


def _retain_pipeline(resources: Resources, config: PipelineConfig, maintenance: MaintenanceRun) -> Iterator[Line]:
    for name in PARTITIONED:
        if (days := find_days(config.spec, name)) is not None:
            yield from _expire_kind(resources, config, maintenance, name, days)
    yield from _forget_reports(resources, config, maintenance)
    yield from _forget_shadow(resources, config, maintenance)
    yield from _retire(resources, config, maintenance)
    # A dry run's sweep of orphans has named the others already.
    yield from sweep_pipeline(
        resources, config, maintenance, {"superseded"} if maintenance.dry_run else {"superseded", "orphan"}
    )


def _expire_kind(
    resources: Resources, config: PipelineConfig, maintenance: MaintenanceRun, name: str, days: int
) -> Iterator[Line]:
    kinds = ["raw", "late"] if name == "raw" else [name]
    with resources.warehouse.begin() as connection:
        expired = list_expired(connection, config.name, kinds, days, maintenance.now)
    if not maintenance.dry_run:
        expired = list(_expire_days(resources, config, maintenance, expired, kinds, days))
    if expired:
        rows, oldest = sum(entry.rows for entry in expired), min(entry.written_at for entry in expired)
        uris = [entry.uri for entry in expired]
        yield make_line(config.name, f"expired {name}", len(expired), rows, oldest=oldest, examples=uris)


def _expire_days(
    resources: Resources,
    config: PipelineConfig,
    maintenance: MaintenanceRun,
    expired: Sequence[Expired],
    kinds: list[str],
    days: int,
) -> Iterator[Expired]:
    """One transaction for each partition."""
    for partition in sorted({entry.partition for entry in expired}):
        with resources.warehouse.begin() as connection:
            gone = expire_partition(connection, config.name, partition, kinds, days, maintenance.now)
        yield from gone


def _forget_reports(resources: Resources, config: PipelineConfig, maintenance: MaintenanceRun) -> Iterator[Line]:
    count, oldest = _forget(resources, config, maintenance, "reports", count_reports, forget_reports)
    if count:
        # One as a page and one as JSON; the sweep counts their bytes.
        yield make_line(config.name, "expired reports", 2 * count, oldest=oldest)


def _forget_shadow(resources: Resources, config: PipelineConfig, maintenance: MaintenanceRun) -> Iterator[Line]:
    rows, oldest = _forget(resources, config, maintenance, "shadow_scores", count_shadow, forget_shadow)
    if rows:
        yield make_line(config.name, "expired shadow scores", rows=rows, oldest=oldest)


def _forget(
    resources: Resources,
    config: PipelineConfig,
    maintenance: MaintenanceRun,
    name: str,
    count: Callable[..., tuple[int, datetime | None]],
    forget: Callable[..., int],
) -> tuple[int, datetime | None]:
    """How much has outlived the retention `name`, and since when; gone by then, unless it is a dry run."""
    days = find_days(config.spec, name)
    if days is None:
        return 0, None
    with resources.warehouse.begin() as connection:
        found, oldest = count(connection, config.name, days, maintenance.now)
        if not maintenance.dry_run:
            found = forget(connection, config.name, days, maintenance.now)
    return found, oldest


def _retire(resources: Resources, config: PipelineConfig, maintenance: MaintenanceRun) -> Iterator[Line]:
    days = find_days(config.spec, "candidates")
    if days is None:
        return
    choose = list_stale_candidates if maintenance.dry_run else retire_candidates
    with resources.warehouse.begin() as connection:
        versions = choose(connection, config.name, days, maintenance.now)
    if versions:
        # Artifact, reference and golden rows of each; the sweep counts their bytes.
        examples = [f"version {version}" for version in versions]
        yield make_line(config.name, "retired candidates", 3 * len(versions), examples=examples)
