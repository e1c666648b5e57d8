"""What a Celery worker loads when it starts: third parties' libraries by a list, and nothing that stops it."""

import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.celery.executors.celery_executor_utils import create_celery_app
from celery.signals import import_modules

from nightshift.local.airflow import choose_executor
from nightshift.orchestration import celery_config

LISTED = "nightshift_preloaded"


class Setting:
    """Airflow's configuration, with one value."""

    def __init__(self, value: str) -> None:
        self.value = value

    def get(self, section: str, key: str, fallback: str) -> str:
        assert (section, key) == ("scheduler", "mp_forkserver_preload")
        return self.value


@pytest.fixture
def listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[types.SimpleNamespace]:
    """A module that a worker could load, and how to list it."""
    (tmp_path / f"{LISTED}.py").write_text("import warnings\n\nwarnings.warn('a deprecated name')\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield types.SimpleNamespace(set=lambda text: monkeypatch.setattr(celery_config, "conf", Setting(text)))
    sys.modules.pop(LISTED, None)


def test_a_worker_that_starts_loads_what_is_listed_without_a_warning(
    listed: Any, recwarn: pytest.WarningsRecorder
) -> None:
    listed.set(f" {LISTED} , no_such_module,")
    import_modules.send(sender=None)
    assert LISTED in sys.modules
    assert "a deprecated name" not in [str(warning.message) for warning in recwarn]


def test_nothing_listed_is_nothing_loaded(listed: Any) -> None:
    listed.set("")
    import_modules.send(sender=None)
    assert LISTED not in sys.modules


def test_airflows_own_settings_of_celery_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the provider and the Celery that are pinned: they must fit together."""
    monkeypatch.setenv("AIRFLOW__CELERY__CELERY_CONFIG_OPTIONS", f"{celery_config.__name__}.CELERY_CONFIG")
    monkeypatch.setenv("AIRFLOW__CELERY__RESULT_BACKEND", "db+postgresql+psycopg2://celery_results@/celery_results")
    from airflow.configuration import conf

    app = create_celery_app(conf)
    assert (app.conf.task_acks_late, app.conf.worker_prefetch_multiplier) == (True, 1)


@pytest.mark.parametrize(
    ("environ", "executor"),
    [
        ({"NIGHTSHIFT_EXECUTOR": "CeleryExecutor"}, "CeleryExecutor"),
        ({"NIGHTSHIFT_PRELOAD": "0"}, "LocalExecutor"),
        ({"NIGHTSHIFT_PRELOAD": "0", "NIGHTSHIFT_EXECUTOR": ""}, "LocalExecutor"),
    ],
)
def test_the_local_stack_runs_tasks_itself_unless_told_otherwise(environ: dict[str, str], executor: str) -> None:
    assert choose_executor(environ) == executor
