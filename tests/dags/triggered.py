"""A run that ada triggered by hand, as its tasks see it."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from airflow.sdk import Asset
from airflow.sdk.definitions._internal.contextmanager import _CURRENT_CONTEXT
from airflow.sdk.execution_time.context import OutletEventAccessors


@contextmanager
def enter_triggered_run(form: Any, outlet: Asset, params: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The run's context, for the time of the block; `params` are what she filled in of the DAG's `form`."""
    found: dict[str, Any] = {
        "dag_run": SimpleNamespace(
            conf={}, run_id="manual__1", run_type="manual", triggering_user_name="ada", partition_key=None
        ),
        "dag": SimpleNamespace(params=form),
        "params": params,
        "ti": SimpleNamespace(xcom_push=lambda *_, **__: None),
        "outlets": [outlet],
        "outlet_events": OutletEventAccessors(),
    }
    _CURRENT_CONTEXT.append(found)
    try:
        yield found
    finally:
        _CURRENT_CONTEXT.pop()
