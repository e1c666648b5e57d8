"""NIGHTSHIFT_PIPELINES: which folders are looked into, and what is said of one that can't be."""

import os
from pathlib import Path

import pytest

from nightshift.config.loading import load_named_pipeline, load_pipelines
from nightshift.config.pipeline_folders import PIPELINES_FOLDER, find_pipeline_folder, find_pipelines, list_places
from nightshift.config.project import PROJECT_ROOT
from nightshift.errors import NightshiftError
from tests.kits.pipelines import write_pipeline


def name(*places: Path | str) -> dict[str, str]:
    return {"NIGHTSHIFT_PIPELINES": os.pathsep.join(map(str, places))}


def test_without_the_variable_or_with_an_empty_one_pipelines_are_in_the_project() -> None:
    assert list_places({}) == list_places(name("")) == list_places(name(" ", "")) == (PIPELINES_FOLDER,)


def test_the_named_folders_count_instead_and_relative_ones_start_at_the_project(tmp_path: Path) -> None:
    assert list_places(name(tmp_path, "more/pipelines")) == (tmp_path, PROJECT_ROOT / "more/pipelines")


def test_one_folder_that_is_named_twice_counts_once(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    assert list_places(name(tmp_path, f"{tmp_path}/", tmp_path / "link")) == (tmp_path,)


def test_a_home_folder_that_nobody_has_is_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    places = list_places(name("~nobody-of-that-name/pipelines", write_pipeline(tmp_path).parent))
    loaded = load_pipelines(*places)
    assert [config.name for config in loaded.usable] == ["shops"]
    assert "~nobody-of-that-name/pipelines, which does not exist" in str(loaded.refused[0])


def test_a_place_that_can_not_be_used_is_one_message_and_stops_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = write_pipeline(tmp_path / "sound").parent
    (tmp_path / "file").write_text("")
    locked, iterdir = tmp_path / "locked", Path.iterdir
    locked.mkdir()

    def refuse(path: Path) -> object:
        # The tests may run as root, who may read everything.
        if path == locked:
            raise PermissionError(13, "Permission denied", str(path))
        return iterdir(path)

    monkeypatch.setattr(Path, "iterdir", refuse)
    loaded = load_pipelines(*list_places(name(tmp_path / "gone", place, tmp_path / "file", locked)))
    assert [config.name for config in loaded.usable] == ["shops"]
    gone, file, unreadable = map(str, loaded.refused)
    assert gone == f"NIGHTSHIFT_PIPELINES names {tmp_path / 'gone'}, which does not exist"
    assert file == f"NIGHTSHIFT_PIPELINES names {tmp_path / 'file'}, which is not a folder"
    assert unreadable.startswith(f"{locked} can't be read: Permission denied")


def test_a_name_in_two_folders_is_refused_with_both_paths_and_the_others_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = write_pipeline(tmp_path / "a"), write_pipeline(tmp_path / "b")
    write_pipeline(tmp_path / "b", name="visits")
    monkeypatch.setenv("NIGHTSHIFT_PIPELINES", name(tmp_path / "a", tmp_path / "b")["NIGHTSHIFT_PIPELINES"])
    loaded = load_pipelines()
    assert [config.name for config in loaded.usable] == ["visits"]
    (problem,) = map(str, loaded.refused)
    assert str(first) in problem and str(second) in problem
    load_named_pipeline.cache_clear()
    with pytest.raises(NightshiftError, match="2 folders hold a pipeline called 'shops'"):
        load_named_pipeline("shops")
    assert find_pipeline_folder("visits") == tmp_path / "b" / "visits"


def test_a_name_that_is_nowhere_is_told_with_the_places_that_can_not_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTSHIFT_PIPELINES", str(tmp_path / "gone"))
    with pytest.raises(
        NightshiftError, match=r"No pipeline is called 'shops'; there are: none; .*gone, which does not"
    ):
        find_pipeline_folder("shops")


def test_a_project_without_pipelines_has_none_and_that_is_no_problem() -> None:
    assert find_pipelines((PIPELINES_FOLDER,)).problems == ()
    missing = find_pipelines(list_places({}, Path("/nowhere")))
    assert missing.folders == ()
