"""The embedded PostgreSQL's user, where we are root."""

import os
import pwd
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nightshift.local import postgres_files
from nightshift.local.postgres_files import SYSTEM_USER, find_system_user


def test_two_that_start_at_once_add_the_user_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `useradd` does: it looks, takes its time, and writes whatever another one has written meanwhile."""
    users: dict[str, int] = {}

    def add_user(command: list[str], **_: object) -> None:
        if SYSTEM_USER not in users:
            time.sleep(0.2)
            users[SYSTEM_USER] = 999 - len(users)

    def find_user(name: str) -> tuple[str, int]:
        return name, users[name]

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(pwd, "getpwnam", find_user)
    monkeypatch.setattr(subprocess, "run", add_user)
    monkeypatch.setattr(postgres_files, "USER_LOCK", tmp_path / "user.lock")
    with ThreadPoolExecutor(2) as starters:
        found = list(starters.map(lambda _: find_system_user(), range(2)))
    assert found == [(SYSTEM_USER, 999)] * 2
