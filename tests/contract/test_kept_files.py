"""Shared files that are parsed once: what is kept is never older than the file."""

import os
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from nightshift.io.sources import check_available
from nightshift.io.sources.fetching import cache as kept_files
from nightshift.io.sources.fetching.fetch import SourceFile
from nightshift.io.sources.kinds.files import read_blocks
from nightshift.io.sources.outcomes_by_day import read_each
from tests.contract.source_kit import make_config, make_lookup, read_source

DAYS = [date(2026, 1, 1), date(2026, 1, 2)]


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_files, "_kept", {})


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are trusted at once, as if they had been written long ago."""
    monkeypatch.setattr(kept_files, "SETTLED", -1.0)


def write(path: Path, value: str) -> Path:
    path.write_text(f"id,at,note\n1,2026-01-01,{value}\n2,2026-01-02,{value}\n")
    return path


def read_note(path: Path) -> list[str]:
    source = {"kind": "files", "path": str(path), "partition_by": {"column": "at"}}
    notes: list[str] = read_source(source, path.parent, DAYS)["note"].to_pylist()
    return notes


def test_a_shared_file_is_parsed_once(tmp_path: Path, settled: None, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "all.csv", "a")
    assert read_note(path) == ["a", "a"]
    monkeypatch.setattr("nightshift.io.sources.kinds.files.read_blocks", None)
    assert read_note(path) == ["a", "a"]


def test_a_change_of_the_same_length_and_time_is_seen(tmp_path: Path, settled: None) -> None:
    path = write(tmp_path / "all.csv", "a")
    read_note(path)
    before = path.stat()
    write(path, "b")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert read_note(path) == ["b", "b"]


def test_a_file_that_changed_a_moment_ago_is_not_kept(tmp_path: Path) -> None:
    read_note(write(tmp_path / "all.csv", "a"))
    assert kept_files._kept == {}


def test_a_file_that_changed_while_it_was_read_is_not_kept(tmp_path: Path, settled: None) -> None:
    path = write(tmp_path / "all.csv", "a")
    file = SourceFile(path, str(path))
    for _ in kept_files.read_kept(file, "", lambda: read_blocks(file, None, ",")):
        path.write_text("id,at,note\n")
    assert kept_files._kept == {}


def test_what_is_kept_stays_within_its_limit(tmp_path: Path, settled: None, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [write(tmp_path / f"{number}.csv", "a" * 1000) for number in range(3)]
    one = sum(block.nbytes for block in read_blocks(SourceFile(paths[0], str(paths[0])), None, ","))
    monkeypatch.setattr(kept_files, "LIMIT", 2 * one)
    for path in paths:
        read_note(path)
    assert [Path(address).name for address, _ in kept_files._kept] == ["1.csv", "2.csv"]
    monkeypatch.setattr(kept_files, "LIMIT", one - 1)
    assert len(read_note(write(tmp_path / "large.csv", "b" * 1000))) == 2
    assert not any("large" in address for address, _ in kept_files._kept)


def test_a_missing_day_of_outcomes_does_not_hide_the_others(tmp_path: Path) -> None:
    write(tmp_path / f"{DAYS[1]}.csv", "a")
    config = make_config({"kind": "files", "path": f"{tmp_path}/{{partition}}.csv"}, tmp_path)
    missing, found = (table for _, table in read_each(config, make_lookup(), None, DAYS, ["id", "note"]))
    assert "2026-01-01.csv does not exist" in str(missing)
    assert isinstance(found, pa.Table)


def test_check_says_where_outcomes_can_not_be_had(tmp_path: Path) -> None:
    config = make_config({"kind": "files", "path": f"{tmp_path}/{{partition}}.csv"}, tmp_path)
    own = {"kind": "files", "path": f"{tmp_path}/none/{{partition}}.csv"}
    label = config.spec.label.model_validate({"column": "note", "source": own})
    config = config.model_copy(update={"spec": config.spec.model_copy(update={"label": label})})
    assert check_available(config, make_lookup()) == f"no outcomes: {tmp_path}/none does not exist"
