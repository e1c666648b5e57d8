"""Makes `include` importable where only dags/ is on sys.path (plain Airflow); Astro's images need no help."""

import sys
from pathlib import Path

PROJECT_ROOT = str(Path(__file__).resolve().parents[1])

if PROJECT_ROOT not in sys.path:
    sys.path.insert(0, PROJECT_ROOT)
