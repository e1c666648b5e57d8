"""Where the local stack keeps its things."""

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nightshift.config.project import PROJECT_ROOT


@dataclass(frozen=True)
class Paths:
    """The project and its state folder."""

    root: Path
    home: Path

    @property
    def settings(self) -> Path:
        """Connections, pools and variables."""
        return self.root / "airflow_settings.yaml"

    @property
    def postgres(self) -> Path:
        """The data folder of the embedded PostgreSQL."""
        return self.home / "pg"

    @property
    def airflow(self) -> Path:
        """AIRFLOW_HOME."""
        return self.home / "airflow"

    @property
    def logs(self) -> Path:
        """One log file per process."""
        return self.home / "logs"

    @property
    def secrets(self) -> Path:
        """Generated once, readable by the owner only."""
        return self.home / "secrets.json"

    @property
    def stack(self) -> Path:
        """What was started: addresses and processes."""
        return self.home / "stack.json"


def find_paths(environ: Mapping[str, str] | None = None) -> Paths:
    """The paths of this project; NIGHTSHIFT_HOME moves the state folder elsewhere."""
    home = (os.environ if environ is None else environ).get("NIGHTSHIFT_HOME")
    return Paths(PROJECT_ROOT, Path(home).expanduser().resolve() if home else PROJECT_ROOT / ".nightshift")


@contextmanager
def hold_lock(file: Path, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Wait until no other process holds `file`'s lock, then hold it to the end of the block, or of this process."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def write_json(file: Path, value: Any) -> None:
    """Replace `file` whole; only its owner may read it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as handle:
        json.dump(value, handle, indent=2)
    draft.replace(file)


def read_json(file: Path) -> dict[str, Any]:
    """What `write_json` wrote; empty where nothing, or nothing whole, is there."""
    try:
        value = json.loads(file.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
