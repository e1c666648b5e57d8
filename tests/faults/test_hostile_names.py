"""Names that want to be more than names: of files that come in, of folders of pipelines, of objects of the lake."""

import contextlib
import os
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from nightshift.config.airflow.connections import LAKE, ConnectionSpec
from nightshift.config.loading import load_pipelines
from nightshift.errors import DataUnavailable, NightshiftError
from nightshift.io.lake.open import open_lake
from nightshift.io.sources import open_source
from nightshift.steps.ingest.extract import extract_partition
from tests.integration.kit import NIGHTS, World, bend, draw_rows, make_config
from tests.kits.pipelines import make_spec, write_pipeline

pytestmark = pytest.mark.guarantee(10)
NIGHT = NIGHTS[0]
STRANGE = (
    "it's", 'a "quoted" one', "new\nline", "tab\there", "blank at the end ", "ünïcödé-日本", "e\u0301",
    "\u202eoverride",
        "-rf", "$(touch hit)", "`touch hit`", "; touch hit", "| touch hit", "%2e%2e%2f", "~root", "[a-z]", "question?",
    "{a,b}", "back\\slash", "<script>alert(1)<script>", "=cmd|' C calc'!A0", "a" * 200,
)  # fmt: skip


def read(folder: Path, path: str, night: date = NIGHT) -> Any:
    """What the source reads; it needs no connection."""
    source = {"kind": "files", "path": path, "format": "csv"}
    pipelines = folder / "pipelines"
    if pipelines.exists():
        shutil.rmtree(pipelines)
    config = make_config(folder, **{"source": source})
    return open_source(config, lambda _: pytest.fail("a file needs no connection")).read([night])


@pytest.mark.parametrize("name", STRANGE)
def test_a_file_may_be_called_anything_and_its_name_does_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in" / name).mkdir(parents=True)
    draw_rows(NIGHT).to_csv(tmp_path / "in" / name / f"{NIGHT} {name[:20]}", index=False)
    before = {path.name for path in tmp_path.iterdir()}
    for path in (f"{tmp_path}/in/*/{{partition}} *", f"{tmp_path}/*/*/{{partition}}*"):
        assert read(tmp_path, path).num_rows == 120
    assert {path.name for path in tmp_path.iterdir()} - before == {"data", "pipelines"}
    assert not list(tmp_path.rglob("hit"))


@pytest.mark.parametrize("name", STRANGE)
def test_what_is_missing_or_broken_under_such_a_name_is_said_on_one_line(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "in" / name
    for make in (lambda: None, lambda: folder.mkdir(parents=True), lambda: (folder / "x").write_bytes(b"\xff\x00")):
        make()
        with pytest.raises(NightshiftError) as told:
            read(tmp_path, f"{tmp_path}/in/*/*{'' if folder.exists() else 'nothing'}{{partition}}")
        assert "\n" not in str(told.value) and str(NIGHT) in str(told.value)


def link(path: Path, target: Path | str) -> None:
    path.symlink_to(target)


LINKS: dict[str, Callable[[Path], None]] = {
    "dangling": lambda path: link(path, path.parent / "nowhere"),
    "itself": lambda path: link(path, path),
    "a folder": lambda path: path.mkdir(),
    "a folder's link": lambda path: link(path, path.parent),
    "a device": lambda path: link(path, "/dev/zero"),
    "a pipe": os.mkfifo,
}


@pytest.mark.parametrize("kind", LINKS)
@pytest.mark.parametrize("pattern", ["{partition}.csv", "*{partition}.csv"])
def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path, kind: str, pattern: str) -> None:
    (tmp_path / "in").mkdir()
    LINKS[kind](tmp_path / "in" / f"{NIGHT}.csv")
    with pytest.raises(DataUnavailable, match=r"No file matches|does not exist|is not a file|can't be looked at"):
        read(tmp_path, f"{tmp_path}/in/{pattern}")


def test_a_pattern_finds_its_own_folder_only(tmp_path: Path) -> None:
    """`*` stops at a slash, matches no `..`, and a name with `..` in it is a name."""
    for name in ("in/a", "outside", "in/.hidden", "in/a/deeper"):
        (tmp_path / name).mkdir(parents=True)
        draw_rows(NIGHT).to_csv(tmp_path / name / f"{NIGHT}.csv", index=False)
    assert read(tmp_path, f"{tmp_path}/in/*/{{partition}}.csv").num_rows == 120
    with pytest.raises(DataUnavailable, match="No file matches"):
        read(tmp_path, f"{tmp_path}/in/**x/{{partition}}.csv")


def test_the_day_can_not_lead_elsewhere(tmp_path: Path) -> None:
    """The placeholder is a date by its type, whatever the run was started with."""
    from nightshift.orchestration.partitions import parse_partition

    for text in ("../../etc/passwd", "2026-01-01/../x", "2026-01-01\n", "*", "2026-01-0*", "{data}"):
        with pytest.raises(NightshiftError, match="is not a date"):
            parse_partition(text)


@pytest.mark.parametrize("name", [*STRANGE, "..dots", "...", "con fig"])
def test_a_pipelines_folder_with_such_a_name_is_refused_and_the_others_load(tmp_path: Path, name: str) -> None:
    write_pipeline(tmp_path / "p", make_spec(), name="sound")
    shutil.copytree(tmp_path / "p/sound", tmp_path / "p" / name)
    loaded = load_pipelines(tmp_path / "p")
    assert [config.name for config in loaded.usable] == ["sound"]
    # Whoever hides a folder doesn't want it to be one.
    assert len(loaded.refused) == (0 if name.startswith(".") else 1)
    assert all("the folder's name must be" in str(problem) for problem in loaded.refused)


def test_links_among_the_pipelines(tmp_path: Path) -> None:
    """A link is a folder like another; one that leads nowhere or to itself is no folder at all."""
    folder, outside = tmp_path / "p", tmp_path / "elsewhere"
    write_pipeline(folder, make_spec(), name="sound")
    write_pipeline(outside, make_spec(), name="other")
    link(folder / "linked", outside / "other")
    link(folder / "dangling", tmp_path / "nowhere")
    link(folder / "looping", folder / "looping")
    link(folder / "inner", folder)
    loaded = load_pipelines(folder)
    assert [config.name for config in loaded.usable] == ["linked", "sound"]
    assert [problem.name for problem in loaded.refused] == ["inner"]
    assert "pipeline.yaml: is missing" in str(loaded.refused[0])


KEYS = (
    "../x", "a/../../x", "/etc/passwd", "a//b", ".incoming/x", "a/.x", "a\x00b", "a\nb", "~/x", "a/..", "", "ü", "a b",
    "x" * 300, "-rf", "%2e%2e/x", "a\\..\\x",
)  # fmt: skip


@pytest.mark.parametrize("key", KEYS)
def test_a_key_never_leaves_the_lake(tmp_path: Path, key: str) -> None:
    lake = open_lake(ConnectionSpec(LAKE, "fs", extra={"path": str(tmp_path / "lake")}), tmp_path)
    for name in ("new", "x"):
        (tmp_path / name).write_bytes(b"ours")
    with pytest.raises(NightshiftError):
        lake.put_file(key, tmp_path / "new")
    # An address may also name what is in the lake in another way, and then there is nothing.
    with contextlib.suppress(NightshiftError):
        lake.delete(f"file://{tmp_path}/lake/{key}")
    assert [(tmp_path / name).read_bytes() for name in ("new", "x")] == [b"ours", b"ours"]
    assert not [path for path in (tmp_path / "lake").rglob("*") if path.is_file()]


def test_the_name_of_a_file_becomes_no_name_in_the_lake(world: World) -> None:
    """Objects are named by pipeline, day and attempt, so what a source calls its file can't matter."""
    inside = world.folder / "$(touch hit)"
    inside.mkdir()
    draw_rows(NIGHT).to_csv(inside / f"../{NIGHT} ' \" \n ..csv", index=False)
    bent = bend(world, **{"source.path": f"{world.folder}/{{partition}} *"})
    assert extract_partition(bent.config, bent.resources, NIGHT).status == "done"
    keys = [path.relative_to(bent.lake.root).parts[:3] for path in bent.lake.root.rglob("*.parquet")]
    assert keys == [("raw", "shops", str(NIGHT))]
