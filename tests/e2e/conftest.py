"""One stack for all end-to-end tests: starting it takes half a minute. It ends with them, for it slows the others."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from nightshift.io.sources.fetching.address import DATA_VARIABLE, find_data, resolve_path
from nightshift.local.paths import Paths
from nightshift.local.resources import open_local_resources
from nightshift.local.stack import start_stack, stop_stack
from tests.e2e.kit import House, choose_port, copy_project


@pytest.fixture(scope="package")
def house() -> Iterator[House]:
    """A stack of our own: project, state folder, port and processes; gone afterwards, also when starting it failed."""
    # Not pytest's folders: as root PostgreSQL runs as another user, who may not enter them.
    home = Path(tempfile.mkdtemp(prefix="nightshift-e2e-"))
    paths = Paths(home / "project", home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NIGHTSHIFT_HOME", str(home))
        patch.setenv(DATA_VARIABLE, str(resolve_path(find_data())))
        for name in [name for name in os.environ if name.startswith("AIRFLOW__")]:
            patch.delenv(name)  # what other tests set for an Airflow without a database
        try:
            copy_project(paths.root)
            resources = open_local_resources(migrate=True)
            stack = start_stack(paths=paths, port=choose_port())
            yield House(stack, stack.make_client(), resources, paths.root)
            resources.warehouse.engine.dispose()
        finally:
            stop_stack(paths=paths)
            shutil.rmtree(home)
