"""The engine as strangers get it: a wheel in an environment of its own, and a project that `nightshift init` wrote."""

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml

from nightshift.local.rest import AirflowClient

ROOT = Path(__file__).resolve().parents[2]
PIPELINE = "visits"
# Fails in any process that does not run the installed engine, tasks of the scheduler as well.
CHECK_ORIGIN = """
import sys

import nightshift

assert nightshift.__file__.startswith(sys.prefix), f"nightshift comes from {nightshift.__file__}"
assert not [path for path in sys.path if path.startswith(REPOSITORY)], sys.path
"""


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel, and a folder for a project; nothing of the tests' own environment gets in."""

    home: Path
    port: int

    @property
    def python(self) -> Path:
        return self.home / "venv" / "bin" / "python"

    @property
    def project(self) -> Path:
        return self.home / "project"

    @property
    def environ(self) -> Mapping[str, str]:
        path = f"{self.python.parent}:/usr/local/bin:/usr/bin:/bin"
        return {"PATH": path, "HOME": str(self.home), "NIGHTSHIFT_PORT": str(self.port)}

    def run(self, *command: str, cwd: Path | None = None) -> str:
        """What the command says on stdout; it must succeed."""
        return run(*command, env=self.environ, cwd=cwd or self.project)

    def start_stack(self) -> AirflowClient:
        """`nightshift up`; a client with the login that it prints."""
        lines = [line.split() for line in self.run("nightshift", "up").splitlines()]
        said = {words[0]: words[1:] for words in lines}
        return AirflowClient(said["UI"][0], said["login"][0], said["login"][2])

    def add_pipeline(self) -> None:
        """A pipeline of one's own: the example's, small, under another name, and only for the installed engine."""
        pipelines = self.project / "include" / "pipelines"
        folder = shutil.copytree(pipelines / "churn", pipelines / PIPELINE)
        source = folder / "source.py"
        source.write_text(source.read_text() + CHECK_ORIGIN.replace("REPOSITORY", repr(str(ROOT))))
        spec = yaml.safe_load((folder / "pipeline.yaml").read_text())
        spec["source"]["params"]["subscribers"] = 1500
        spec["training"] |= {"trials": 1, "estimators": [{"kind": "logistic"}], "calibrate": "none"}
        spec["gate"] |= {"resamples": 200}
        (folder / "pipeline.yaml").write_text(yaml.safe_dump(spec, sort_keys=False))


def install_wheel(home: Path, port: int) -> Installed:
    """Build the wheel, and install it with the pins into a fresh environment; the packages come from uv's cache."""
    installed = Installed(home, port)
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(home / "dist"), cwd=ROOT)
    (wheel,) = (home / "dist").glob("airflow_nightshift-*.whl")
    uv = find_uv()
    run(uv, "venv", "--quiet", "--python", sys.executable, str(home / "venv"))
    install = (uv, "pip", "install", "--quiet", "--python", str(installed.python))
    run(*install, "--require-hashes", "--requirement", str(ROOT / "requirements.txt"))
    tools = [f"{name}=={version(name)}" for name in ("pytest", "iniconfig", "pluggy", "packaging")]
    run(*install, "--no-deps", str(wheel), *tools)
    run(uv, "pip", "check", "--quiet", "--python", str(installed.python))
    return installed


def find_uv() -> str:
    """The one that bin/setup found or made."""
    own = ROOT / ".nightshift" / "uv" / "bin" / "uv"
    found = shutil.which("uv") or (str(own) if own.exists() else None)
    return found or pytest.fail("no uv on PATH and none in .nightshift/uv; run bin/setup")


def run(*command: str, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> str:
    """What the command says on stdout; it must succeed."""
    done = subprocess.run(command, env=env, cwd=cwd, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}{done.stderr[-3000:]}"
    return done.stdout


def read_summary(said: str) -> dict[str, Any]:
    """The last line of `nightshift run`."""
    summary: dict[str, Any] = json.loads(said.splitlines()[-1])
    return summary
