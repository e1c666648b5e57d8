"""Lets Celery's workers load the heavy libraries once, before they fork; `[celery] celery_config_options` names it.

Celery forks its pool from the worker's main process, and a task is forked from a process of that pool, so what the
main process has imported is there in every task. The list is Airflow's own `[scheduler] mp_forkserver_preload`, which
the image and the local stack set, so there is one for all executors. It holds third parties' modules only: tasks must
see an edited step or pipeline at once. Where it is empty nothing is loaded.
"""

import importlib
import logging
import warnings
from typing import Any

from airflow.configuration import conf
from airflow.providers.celery.executors.default_celery import DEFAULT_CELERY_CONFIG
from celery.signals import import_modules

log = logging.getLogger(__name__)
# Airflow's own choices as they are: this module is here for what it does when a worker starts.
CELERY_CONFIG = DEFAULT_CELERY_CONFIG


# Sent in a worker's main process only, before it has threads or a connection to the broker. Airflow's own receiver
# comes after this one and takes what is loaded by then out of the garbage collector, so that its pages stay shared.
@import_modules.connect
def load_libraries(**signal: Any) -> None:
    """Import the listed modules; one that can't be imported is left to the task that needs it."""
    with warnings.catch_warnings():
        # skops looks at every name of every loaded module, and a thousand of Airflow's are deprecated.
        warnings.simplefilter("ignore")
        for name in list_modules(conf.get("scheduler", "mp_forkserver_preload", fallback="")):
            try:
                importlib.import_module(name)
            except ImportError as error:
                log.warning("Tasks will import %s themselves: %s", name, error)


def list_modules(setting: str | None) -> list[str]:
    """The names in a comma-separated setting."""
    return [name.strip() for name in (setting or "").split(",") if name.strip()]
