"""Runs one task of a DAG as Airflow's task runner does, and keeps everything that leaves the task's process."""

import signal
import traceback
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
import structlog
from airflow.sdk import DAG
from airflow.sdk.api.datamodels._generated import DagRun, DagRunState, DagRunType, TIRunContext
from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.comms import (
    GetXCom,
    InactiveAssetsResult,
    MaskSecret,
    OKResponse,
    ValidateInletsAndOutlets,
    XComResult,
)
from structlog.testing import capture_logs

LOG = "log of the runner"


class Recorder:
    """The supervisor's end: answers what a task asks, and keeps what it was sent but for what is to be masked."""

    def __init__(self, xcoms: dict[str, Any]) -> None:
        self.xcoms = xcoms
        self.messages: list[Any] = []

    def send(self, msg: Any) -> Any:
        """The supervisor's answer."""
        if isinstance(msg, MaskSecret):
            return None
        self.messages.append(msg)
        if isinstance(msg, GetXCom):
            return XComResult(key=msg.key, value=self.xcoms.get(msg.task_id))
        if isinstance(msg, ValidateInletsAndOutlets):
            return InactiveAssetsResult(inactive_assets=[])
        return OKResponse(ok=True)


def run_recorded(
    dag: DAG, task_id: str, conf: dict[str, Any], xcoms: dict[str, Any], patch: pytest.MonkeyPatch
) -> dict[str, bytes]:
    """What the task of a manual run told: XCom, rendered fields, its states, the runner's log and the exception.

    `xcoms`, by task, are what the tasks before it left.
    """
    recorder, handler = Recorder(xcoms), signal.getsignal(signal.SIGTERM)
    patch.setattr(task_runner, "SUPERVISOR_COMMS", recorder, raising=False)
    instance = _make_instance(dag, task_id, conf)
    try:
        with capture_logs() as lines:
            _, message, error = task_runner.run(instance, instance.get_template_context(), structlog.get_logger("task"))
    finally:
        signal.signal(signal.SIGTERM, handler)
    shown = "".join(traceback.format_exception(error)) if error else ""
    return {
        "messages": "\n".join(f"{each!r} {each.model_dump_json()}" for each in recorder.messages).encode(),
        LOG: repr(lines).encode(),
        "error": f"{shown}\n{error!r}\n{vars(error) if error else ''}\n{message!r}".encode(),
    }


def _make_instance(dag: DAG, task_id: str, conf: dict[str, Any]) -> task_runner.RuntimeTaskInstance:
    now = datetime.now(UTC)
    run = DagRun(
        dag_id=dag.dag_id, run_id="recorded", logical_date=None, data_interval_start=None, data_interval_end=None,
        run_after=now, start_date=now, end_date=None, run_type=DagRunType.MANUAL, state=DagRunState.RUNNING, conf=conf,
        triggering_user_name="ada", consumed_asset_events=[], partition_key=None,
    )  # fmt: skip
    return task_runner.RuntimeTaskInstance.model_construct(
        id=uuid4(), task_id=task_id, dag_id=dag.dag_id, run_id="recorded", try_number=1, map_index=-1,
        dag_version_id=uuid4(), task=dag.get_task(task_id), max_tries=0, start_date=now,
        _ti_context_from_server=TIRunContext(dag_run=run, max_tries=0),
    )  # fmt: skip
