"""What the registries read is read with every DAG file, so it must be cheap: what ships, and what the docs show."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.airflow_home import ROOT

HEAVY = {"numpy", "pandas", "pyarrow", "scipy", "sklearn", "numba", "sqlalchemy", "boto3", "evidently", "airflow"}
BLOCK = re.compile(r"^```python\n# include/extensions/(\S+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LOAD = """
import json, pkgutil, sys
from importlib import import_module
from pathlib import Path

import nightshift.extension
from nightshift.config.extensions import load_extensions
from nightshift.config.loading import PipelineSpec
from nightshift.extension.registry import Registry

problems = load_extensions(Path(sys.argv[1])).problems
found = pkgutil.iter_modules(nightshift.extension.__path__)
modules = [import_module(f"nightshift.extension.{module.name}") for module in found]
registries = {each.thing: each for module in modules for each in vars(module).values() if isinstance(each, Registry)}
names = {thing: registry.list_names() for thing, registry in registries.items()}
print(json.dumps([problems, names, sorted({module.partition(".")[0] for module in sys.modules})]))
"""

Loaded = tuple[list[str], dict[str, list[str]], set[str]]


def load(extensions: Path) -> Loaded:
    """In a fresh process: what is wrong with these files, the names in all registries, top-level modules in memory."""
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(extensions)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT / "include")},
    )
    problems, names, modules = json.loads(done.stdout)
    return problems, names, set(modules)


@pytest.mark.parametrize("shown", [False, True], ids=["what ships", "the docs' extensions"])
def test_a_registry_is_read_without_heavy_libraries(tmp_path: Path, shown: bool) -> None:
    for page in (ROOT / "docs" / "extending").glob("*.md") if shown else ():
        for name, content in BLOCK.findall(page.read_text()):
            (tmp_path / name).write_text(content)
    problems, names, modules = load(tmp_path)
    assert problems == []
    assert modules & HEAVY == set()
    assert all(names.values())
    assert {"metric", "drift measure", "gate rule"} <= set(names)
    assert ("small_enough" in names["gate rule"]) is shown
