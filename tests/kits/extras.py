"""What the tests of extras need of the system."""

from ctypes.util import find_library

import pytest

# Packages can't bring it, and not every machine has it; CI installs it.
needs_openmp = pytest.mark.skipif(find_library("gomp") is None, reason="LightGBM needs the system's libgomp.so.1")
LIGHTGBM = pytest.param("lightgbm", marks=needs_openmp)
