"""Registries: what there is by name, taken names, near names; a project's extension files."""

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from nightshift.config.extensions import load_extensions
from nightshift.errors import NightshiftError
from nightshift.extension.metrics import METRICS
from nightshift.extension.registry import Registry
from nightshift.extension.tasks import TASKS

REGISTER = "from nightshift.extension.metrics import METRICS, Metric\nMETRICS.register(Metric({!r}, ({!r},), max))\n"


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


def test_threads_that_ask_first_all_see_what_ships(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toys: Registry[Toy] = Registry("toy", "slow_toys_that_ship")
    monkeypatch.setitem(sys.modules, "toys_of_the_test", ModuleType("toys_of_the_test"))
    sys.modules["toys_of_the_test"].toys = (toys, Toy)  # type: ignore[attr-defined]
    code = "import time\nfrom toys_of_the_test import toys\ntime.sleep(0.2)\ntoys[0].register(toys[1]('ball'))\n"
    (tmp_path / "slow_toys_that_ship.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: toys.list_names(), range(8))) == {("ball",)}


def test_shipped_modules_that_fail_are_not_taken_for_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toys: Registry[Toy] = Registry("toy", "broken_toys_that_ship")
    (tmp_path / "broken_toys_that_ship.py").write_text("import no_such_library\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError, match="no_such_library"):
            toys.list_names()


@pytest.mark.parametrize(("registry", "name"), [(METRICS, "train"), (METRICS, "rows"), (TASKS, "classification")])
def test_a_name_that_means_something_else_is_refused(registry: Registry[Toy], name: str) -> None:
    with pytest.raises(NightshiftError, match="Nightshift itself uses it; choose another name"):
        registry.register(Toy(name))
    assert name not in registry


@pytest.mark.parametrize("reason", ["raise ValueError('later')", REGISTER.format("roc_auc", "regression")])
def test_a_file_that_fails_half_way_leaves_nothing_behind(tmp_path: Path, reason: str) -> None:
    before = METRICS.list_names()
    imports = "from nightshift.core.tasks.regression import Regression\n"
    (tmp_path / "half.py").write_text(imports + REGISTER.format("half_a_metric", "regression") + reason)
    (problem,) = load_extensions(tmp_path).problems
    assert problem.startswith(f"{tmp_path}/half.py can't be loaded: ")
    assert METRICS.list_names() == before
    assert "regression" in TASKS


def test_a_record_for_a_task_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "typo.py").write_text(REGISTER.format("typo_metric", "clasification"))
    try:
        assert load_extensions(tmp_path).problems == (
            "the metric 'typo_metric' is for the task 'clasification', which does not exist; "
            "did you mean 'binary_classification'?",
        )
    finally:
        METRICS.unregister("typo_metric")


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
