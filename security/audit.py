"""Asks pip-audit whether the pinned packages have known vulnerabilities. Exit code 1 where they do.

    python -m security.audit [--require-answer] [PIP-AUDIT'S OWN OPTIONS, SUCH AS -s osv]

A vulnerability may be excused for a while in exceptions.yaml. Without an answer from the vulnerability service the
audit warns and lets pass, since nobody can mend that by changing the project; --require-answer fails then.
"""

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
EXCEPTIONS = Path(__file__).parent / "exceptions.yaml"
# The smallest comes first: where the service can't answer for it, the others are not even asked for.
PINS = (
    "requirements.txt",
    *(f"requirements/{name}.txt" for name in ("uv", "lightgbm", "celery", "kubernetes", "dev", "docs")),
)
OPTIONS = ("--disable-pip", "--require-hashes", "--format=json", "--progress-spinner=off")
# How pip-audit ends where the service does not answer, in place of a report.
NO_ANSWER = ("ConnectionError", "Could not connect", "ServiceError", "Timeout", "Tried to connect", "HTTPError")


@dataclass(frozen=True)
class Excuse:
    """A known vulnerability that may pass up to a day."""

    id: str
    package: str
    reason: str
    until: date


@dataclass(frozen=True)
class Finding:
    """A known vulnerability of a pinned package; it may go by several ids."""

    package: str
    version: str
    ids: frozenset[str]
    mended_in: tuple[str, ...]

    def __str__(self) -> str:
        mended = f"mended in {', '.join(self.mended_in)}" if self.mended_in else "not mended yet"
        return f"{self.package} {self.version}: {', '.join(sorted(self.ids))} ({mended})"


@dataclass(frozen=True)
class Report:
    """What the service knows of the packages of one file, and of which it knows nothing."""

    findings: tuple[Finding, ...] = ()
    asked: int = 0
    unanswered: tuple[str, ...] = ()


class AuditError(Exception):
    """The audit itself can't be done: a file is wrong, or pip-audit is."""


def main() -> int:
    """Ask for every file of pins, and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--require-answer", action="store_true", help="fail where the service does not answer")
    parser.add_argument("--exceptions", type=Path, default=EXCEPTIONS, help="(%(default)s)")
    parser.add_argument("--pins", type=Path, nargs="+", default=[ROOT / name for name in PINS], help="(ours)")
    arguments, options = parser.parse_known_args()
    try:
        excuses = load_excuses(arguments.exceptions)
        reports = ask_all(arguments.pins, options)
    except AuditError as error:
        print(f"audit: {error}", file=sys.stderr)
        return 1
    unanswered = [name for report in reports for name in report.unanswered]
    problems = judge(reports, excuses, datetime.now(UTC).date(), complete=not unanswered)
    for problem in problems:
        print(f"audit: {problem}", file=sys.stderr)
    if unanswered:
        print(f"audit: WARNING: not checked, since the service did not answer: {_shorten(unanswered)}", file=sys.stderr)
    print(f"audit: {sum(report.asked for report in reports) - len(unanswered)} pinned packages checked")
    return 1 if problems or (unanswered and arguments.require_answer) else 0


def load_excuses(file: Path) -> list[Excuse]:
    """The exceptions; AuditError where one lacks its reason or its last day."""
    try:
        excuses = [Excuse(**entry) for entry in yaml.safe_load(file.read_text()) or []]
    except (TypeError, yaml.YAMLError) as error:
        raise AuditError(f"{file}: each entry needs id, package, reason and until ({error})") from None
    for excuse in excuses:
        if not isinstance(excuse.until, date) or not str(excuse.reason or "").strip():
            raise AuditError(f"{file}: {excuse.id} needs a reason, and until as a day such as 2026-12-31")
    return excuses


def ask_all(files: list[Path], options: list[str]) -> list[Report]:
    """One report a file, up to the first for which the service knows nothing at all."""
    reports: list[Report] = []
    for file in files:
        report = ask(file, options)
        reports.append(report)
        if len(report.unanswered) == report.asked:
            left = tuple(f"all of {other.name}" for other in files[len(reports) :])
            return [*reports, Report(asked=len(left), unanswered=left)]
    return reports


def ask(file: Path, options: list[str]) -> Report:
    """What pip-audit says of one file; AuditError where it can't work, for a reason other than the network."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(file), *OPTIONS, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        return read_report(json.loads(done.stdout))
    except (ValueError, KeyError):
        if any(sign in done.stderr for sign in NO_ANSWER):
            return Report(asked=1, unanswered=(f"all of {file.name}",))
        raise AuditError(f"pip-audit failed on {file}: {done.stderr.strip()[-800:]}") from None


def read_report(written: dict[str, Any]) -> Report:
    """pip-audit's JSON. A package that it skipped is none that it found to be sound."""
    packages = written["dependencies"]
    findings = tuple(
        Finding(
            package["name"],
            package["version"],
            frozenset({found["id"], *found.get("aliases", ())}),
            tuple(found.get("fix_versions", ())),
        )
        for package in packages
        for found in package.get("vulns", ())
    )
    skipped = tuple(package["name"] for package in packages if "skip_reason" in package)
    return Report(findings, len(packages), skipped)


def judge(reports: list[Report], excuses: list[Excuse], today: date, complete: bool) -> list[str]:
    """What fails the audit: findings without an excuse, and excuses that are too old or not needed (any more)."""
    findings = list(dict.fromkeys(finding for report in reports for finding in report.findings))
    current = [excuse for excuse in excuses if excuse.until >= today]
    problems = [str(finding) for finding in findings if not any(_excuses(excuse, finding) for excuse in current)]
    problems += [
        f"the exception for {excuse.id} ({excuse.package}) ended on {excuse.until}: {excuse.reason}"
        for excuse in excuses
        if excuse.until < today
    ]
    # Nobody knows what a service that did not answer would have found.
    problems += [
        f"the exception for {excuse.id} ({excuse.package}) excuses nothing any more; remove it"
        for excuse in current
        if complete and not any(_excuses(excuse, finding) for finding in findings)
    ]
    return problems


def _excuses(excuse: Excuse, finding: Finding) -> bool:
    return excuse.package == finding.package and excuse.id in finding.ids


def _shorten(names: list[str], limit: int = 8) -> str:
    return ", ".join(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "")


if __name__ == "__main__":
    sys.exit(main())
