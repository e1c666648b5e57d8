"""One stack for all tests of this package; see site.py."""

from collections.abc import Iterator

import pytest

from tests.faults.scheduler.kit import Site
from tests.faults.scheduler.site import open_site


@pytest.fixture(scope="package")
def site() -> Iterator[Site]:
    """A stack whose tasks stop where a test wants to kill them."""
    with open_site() as site:
        yield site
