"""Makes `nightshift` importable where neither the package is installed nor include/ is on sys.path."""

import sys
from importlib.util import find_spec
from pathlib import Path

if find_spec("nightshift") is None:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "include"))
