"""One stack for all tests of this package; see site.py."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.scheduler.kit import Site
from tests.faults.scheduler.site import open_site


@pytest.fixture(scope="package")
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    """A stack whose tasks stop where a test wants to kill them; where a test fails, its logs stay."""
    failed = request.session.testsfailed
    with open_site() as site:
        yield site
        if request.session.testsfailed > failed:
            kept = Path(tempfile.mkdtemp(prefix="nightshift-faults-logs-"))
            shutil.copytree(site.paths.logs, kept, dirs_exist_ok=True)
            print(f"the logs of the stack: {kept}")
