"""Which day a run is about: from its partition key, or from its form."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Protocol

from nightshift.config.days import FarDay, parse_day
from nightshift.errors import NightshiftError


class Run(Protocol):
    """What this module reads of Airflow's dag_run."""

    partition_key: str | None


def parse_partition(text: str) -> date:
    """The date that a partition key names; NightshiftError unless it is one, written as 2026-11-20."""
    try:
        return parse_day(text)
    except FarDay as error:
        raise NightshiftError(f"Partition Key {error}.") from None
    except ValueError:
        raise NightshiftError(f"Partition Key {text[:100]!r} is not a date. Write it as 2026-11-20.") from None


def choose_partition(run: Run, params: Mapping[str, Any]) -> date:
    """The partition that an ingest or score run works on; NightshiftError where nothing says it."""
    if partition := _find_day(run, params, "partition"):
        return partition
    raise NightshiftError(
        "This run names no day. Trigger it again with the date in Partition, or in Advanced "
        "Options, Partition Key, as 2026-11-20."
    )


def choose_as_of(run: Run, params: Mapping[str, Any], find_newest: Callable[[], date | None]) -> date:
    """The last day that a training or drift run may know of; where nothing says it, the newest partition's."""
    if day := _find_day(run, params, "as_of") or find_newest():
        return day
    raise NightshiftError("No partition was ingested yet, so there is nothing to work on. Run the ingest DAG first.")


def _find_day(run: Run, params: Mapping[str, Any], name: str) -> date | None:
    """The day of the Partition Key or of the form's field; NightshiftError where they differ."""
    keyed = parse_partition(run.partition_key) if run.partition_key else None
    asked = parse_partition(params[name]) if params.get(name) else None
    if keyed and asked and keyed != asked:
        raise NightshiftError(f"Partition Key says {keyed}, but {name} says {asked}. Give only one of them.")
    return keyed or asked
