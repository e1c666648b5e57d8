"""Airflow's LocalExecutor, but with a process of its own for every task, so that killing one harms no other."""

import gc
import multiprocessing
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess
from typing import Any

from airflow.executors.base_executor import BaseExecutor, get_execution_api_server_url
from airflow.executors.local_executor import LocalExecutor


@dataclass(frozen=True)
class Running:
    """What was asked for, and the process that supervises it."""

    workload: Any
    process: BaseProcess


class ProcessExecutor(LocalExecutor):
    """One process per task, which supervises it and ends with it.

    The workers of LocalExecutor (3.3) wait for work behind one lock. Killing one that waits, as a machine short of
    memory may, leaves the lock taken: no task starts any more, and nothing looks ill. Killing one that works is noticed
    by its silence alone. Here nothing is shared, and the scheduler learns at once how each process ended.
    """

    def start(self) -> None:
        """Nothing runs yet; what tasks are forked from begins to load its libraries.

        Otherwise the first task would have it started, and the scheduler's loop stand still until all is imported.
        """
        self.started: dict[Any, Running] = {}
        if multiprocessing.get_start_method() == "forkserver":
            forkserver.ensure_running()

    def sync(self) -> None:
        """Tell the scheduler what has ended: called whenever it looks for something to do."""
        for key, running in list(self.started.items()):
            if not running.process.is_alive():
                del self.started[key]
                well = running.process.exitcode == 0
                self.change_state(key, running.workload.success_state if well else running.workload.failure_state)
                running.process.close()

    def end(self) -> None:
        """Wait for what runs."""
        for running in self.started.values():
            running.process.join()
        self.sync()

    def _process_workloads(self, workload_items: Sequence[Any]) -> None:
        for workload in workload_items:
            for queue in (self.queued_tasks, self.queued_callbacks, self.queued_connection_tests):
                queue.pop(workload.key, None)
            process = multiprocessing.Process(target=run_workload, args=(workload, self.conf))
            process.start()
            self.started[workload.key] = Running(workload, process)
            self.running.add(workload.key)
            if workload.running_state is not None:
                self.change_state(workload.key, workload.running_state, remove_running=False)


def run_workload(workload: Any, conf: Any) -> None:
    """Supervise one task to its end, in a process of its own; it ends with 0 unless that was impossible."""
    # What was loaded before the fork stays: looking through it for garbage would only copy its pages.
    gc.freeze()
    # Ctrl-C is for the scheduler, which lets tasks run to their end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    BaseExecutor.run_workload(
        workload,
        server=get_execution_api_server_url(conf),
        proctitle=f"airflow supervisor: {workload.display_name}",
        subprocess_logs_to_stdout=True,
    )
