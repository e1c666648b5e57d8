"""Only what was pinned is installed, and nobody overlooks a known vulnerability in it. No network: all on loopback."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from nightshift.config.project import PROJECT_ROOT
from security import audit
from security.audit import Excuse, Finding, Report, judge

pytestmark = pytest.mark.guarantee(24)
FINDING = Finding("tiny", "1.0", frozenset({"GHSA-1", "CVE-1"}), ("1.1",))
EXCUSE = Excuse("CVE-1", "tiny", "never called with input from outside", date(2026, 12, 31))
DAY = date(2026, 12, 31)


def make_wheel(folder: Path) -> str:
    """A package called tiny; returns its sha256."""
    folder.mkdir()
    path, info = folder / "tiny-1.0-py3-none-any.whl", "tiny-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("tiny.py", "")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", f"tiny.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def find_uv() -> Path:
    """The one that bin/setup uses; never fetched here."""
    found = Path(shutil.which("uv") or Path(sys.prefix).resolve().parent / ".nightshift/uv/bin/uv")
    assert found.exists(), "bin/setup leaves uv in .nightshift/uv"
    return found


def set_up(folder: Path, pin: str) -> subprocess.CompletedProcess[str]:
    """The project's own bin/setup in a project of one package."""
    (folder / "bin").mkdir(exist_ok=True)
    shutil.copy(PROJECT_ROOT / "bin" / "setup", folder / "bin")
    (folder / "requirements.txt").write_text(pin)
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("UV_", "PIP_"))},
        "PATH": f"{find_uv().parent}:{os.environ['PATH']}",
        "PYTHON": sys.executable,
        "UV_NO_INDEX": "1",
        "UV_OFFLINE": "1",
        "UV_FIND_LINKS": str(folder / "wheels"),
        "UV_CACHE_DIR": str(folder / "cache"),
    }
    return subprocess.run([folder / "bin" / "setup"], env=environ, capture_output=True, text=True, check=False)


def test_setup_installs_nothing_whose_hash_is_another(tmp_path: Path) -> None:
    right = make_wheel(tmp_path / "wheels")
    wrong = right[:-1] + ("0" if right[-1] != "0" else "1")
    for pin in (f"tiny==1.0 --hash=sha256:{wrong}\n", "tiny==1.0\n"):
        refused = set_up(tmp_path, pin)
        assert refused.returncode != 0 and "hash" in refused.stderr.lower()
        assert not list((tmp_path / ".venv").glob("lib*/python*/site-packages/tiny*"))
    assert set_up(tmp_path, f"tiny==1.0 --hash=sha256:{right}\n").returncode == 0
    assert list((tmp_path / ".venv").glob("lib*/python*/site-packages/tiny.py"))


@pytest.mark.parametrize("name", audit.PINS)
def test_every_pin_has_a_version_and_a_hash(name: str) -> None:
    text = (PROJECT_ROOT / name).read_text().replace("\\\n", " ")
    pins = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    assert pins
    assert [pin for pin in pins if not re.match(r"[\w.\[\]-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", pin)] == []


class Service(BaseHTTPRequestHandler):
    """A vulnerability service that knows of one."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.1"}]}]
        package = {"name": "tiny", "ecosystem": "PyPI"}
        known = {
            "id": "GHSA-1", "aliases": ["CVE-1"], "summary": "bad", "modified": "2026-01-01T00:00:00Z",
            "affected": [{"package": package, "ranges": ranges}],
        }  # fmt: skip
        body = json.dumps({"vulns": [known]} if asked["package"]["name"] == "tiny" else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1/query"
    server.shutdown()
    server.server_close()


def run_audit(folder: Path, monkeypatch: pytest.MonkeyPatch, url: str, exceptions: str, *options: str) -> int:
    pins, excuses = folder / "pins.txt", folder / "exceptions.yaml"
    pins.write_text(f"tiny==1.0 --hash=sha256:{'0' * 64}\nsound==1.0 --hash=sha256:{'0' * 64}\n")
    excuses.write_text(exceptions)
    given = [
        "--pins",
        str(pins),
        "--exceptions",
        str(excuses),
        *options,
        "--vulnerability-service=osv",
        f"--osv-url={url}",
    ]
    monkeypatch.setattr(sys, "argv", ["audit", *given, f"--cache-dir={folder}"])
    return audit.main()


def test_a_known_vulnerability_fails_the_audit_unless_it_is_excused(
    service: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_audit(tmp_path, monkeypatch, service, "[]") == 1
    assert "tiny 1.0: CVE-1, GHSA-1 (mended in 1.1)" in capsys.readouterr().err
    excuse = "- {id: CVE-1, package: tiny, reason: never called, until: 2999-01-01}"
    assert run_audit(tmp_path, monkeypatch, service, excuse) == 0


def test_without_an_answer_the_audit_warns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = "http://127.0.0.1:9/v1/query"
    assert run_audit(tmp_path, monkeypatch, nowhere, "[]") == 0
    assert "WARNING: not checked" in capsys.readouterr().err
    assert run_audit(tmp_path, monkeypatch, nowhere, "[]", "--require-answer") == 1


def test_what_pip_audit_skipped_counts_as_not_checked() -> None:
    """It calls that no known vulnerability."""
    skipped = {"name": "tiny", "skip_reason": "not found"}
    assert audit.read_report({"dependencies": [skipped]}) == Report(asked=1, unanswered=("tiny",))


@pytest.mark.parametrize(
    ("finding", "excuse", "today", "told"),
    [
        (FINDING, EXCUSE, DAY, None),
        (FINDING, replace(EXCUSE, id="GHSA-1"), DAY, None),
        (FINDING, EXCUSE, date(2027, 1, 1), "ended on 2026-12-31"),
        (FINDING, replace(EXCUSE, package="other"), DAY, "tiny 1.0"),
        (FINDING, replace(EXCUSE, id="CVE-2"), DAY, "excuses nothing"),
        (None, EXCUSE, DAY, "excuses nothing"),
    ],
)
def test_an_excuse_is_for_one_vulnerability_and_up_to_a_day(
    finding: Finding | None, excuse: Excuse, today: date, told: str | None
) -> None:
    problems = judge([Report((finding,) if finding else (), 1)], [excuse], today, complete=True)
    assert (told is None) == (not problems)
    assert told is None or told in "; ".join(problems)


@pytest.mark.parametrize(
    "entry",
    [
        "{id: CVE-1, package: tiny, until: 2026-12-31}",
        "{id: CVE-1, package: tiny, reason: x, until: soon}",
        "{id: CVE-1, package: tiny, reason: '', until: 2026-12-31}",
    ],
)
def test_an_excuse_needs_a_reason_and_a_day(tmp_path: Path, entry: str) -> None:
    (tmp_path / "exceptions.yaml").write_text(f"- {entry}")
    with pytest.raises(audit.AuditError, match="until"):
        audit.load_excuses(tmp_path / "exceptions.yaml")


def test_the_projects_own_exceptions_are_in_order() -> None:
    audit.load_excuses(audit.EXCEPTIONS)
