"""Registries: what there is by name, taken names, near names; a project's extension files."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from nightshift.config.extensions import load_extensions
from nightshift.errors import NightshiftError
from nightshift.extension.registry import Registry


@dataclass(frozen=True)
class Toy:
    name: str


@pytest.fixture
def toys() -> Registry[Toy]:
    registry: Registry[Toy] = Registry("toy")
    for name in ("ball", "kite"):
        registry.register(Toy(name))
    return registry


def test_records_are_found_by_name_in_their_order(toys: Registry[Toy]) -> None:
    assert toys.list_names() == ("ball", "kite")
    assert (toys.find("kite"), [*toys], "ball" in toys, "bell" in toys) == (
        Toy("kite"),
        [*map(Toy, toys.list_names())],
        True,
        False,
    )


@pytest.mark.parametrize(("name", "hint"), [("kit", "did you mean 'kite'?"), ("yoyo", "there are: ball, kite")])
def test_a_name_that_is_not_there_is_answered_by_what_is(toys: Registry[Toy], name: str, hint: str) -> None:
    with pytest.raises(NightshiftError) as caught:
        toys.find(name)
    assert str(caught.value) == f"there is no toy called {name!r}; {hint}"


@pytest.mark.parametrize(
    ("name", "words"), [("kite", "exists already"), ("Kite", "can't name a toy"), ("a" * 49, "up to 48")]
)
def test_a_name_that_is_taken_or_none_is_refused(toys: Registry[Toy], name: str, words: str) -> None:
    with pytest.raises(NightshiftError, match=words):
        toys.register(Toy(name))
    assert toys.list_names() == ("ball", "kite")


def test_a_file_that_fails_does_not_stop_the_others(tmp_path: Path) -> None:
    (tmp_path / "a_broken.py").write_text("import no_such_library\n")
    (tmp_path / "b_sound.py").write_text("X = 1\n")
    (tmp_path / "_helper.py").write_text("raise SystemExit\n")
    (tmp_path / "c_leaves.py").write_text("raise SystemExit(3)\n")
    loaded = load_extensions(tmp_path)
    assert loaded.files == (tmp_path / "b_sound.py",)
    broken, leaves = loaded.problems
    assert broken.startswith(f"{tmp_path}/a_broken.py can't be loaded: ModuleNotFoundError")
    assert leaves.startswith(f"{tmp_path}/c_leaves.py can't be loaded: SystemExit: 3")


def test_a_folder_that_is_not_there_has_none(tmp_path: Path) -> None:
    assert load_extensions(tmp_path / "gone").files == ()
