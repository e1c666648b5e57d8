"""The command that compares a state folder of 0.1 under both releases; `make demo` of 0.1 is not part of the tests."""

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from tests.tools.compare_old_state import copy_state, list_differences
from tests.tools.state_values import PLACES, hash_value


@pytest.mark.parametrize(("wanted", "place"), PLACES["today"].items())
def test_todays_functions_are_where_it_looks(wanted: str, place: str) -> None:
    module, _, name = place.partition(":")
    assert callable(getattr(import_module(module), name)), wanted


def test_it_asks_both_releases_for_the_same() -> None:
    assert set(PLACES["0.1"]) == set(PLACES["today"])


def test_every_kind_of_difference_is_found() -> None:
    found = list_differences({"a": "1", "b": "1", "c": "1"}, {"a": "1", "b": "2", "d": "1"})
    assert found == ["b: differs", "c: missing today", "d: not there before"]


def test_a_score_that_is_off_by_one_bit_has_another_hash() -> None:
    scores = np.array([0.1, 0.2])
    assert hash_value(scores) == hash_value(scores.copy())
    assert hash_value(scores) != hash_value(np.nextafter(scores, 1))
    assert hash_value({"a": 1, "b": 2}) == hash_value({"b": 2, "a": 1})


def test_a_checkout_that_runs_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".nightshift/pg").mkdir(parents=True)
    (tmp_path / ".nightshift/pg/postmaster.pid").touch()
    with pytest.raises(SystemExit, match="make stop"):
        copy_state(tmp_path, tmp_path / "copy")


def test_a_copy_has_no_list_of_processes(tmp_path: Path) -> None:
    """`stop` on the copy would end those of the original."""
    state = tmp_path / ".nightshift"
    (state / "pg").mkdir(parents=True)
    (state / "stack.json").write_text("{}")
    (state / "secrets.json").write_text("{}")
    environ = copy_state(tmp_path, tmp_path / "copy")
    assert sorted(path.name for path in (tmp_path / "copy").iterdir()) == ["pg", "secrets.json"]
    assert environ["NIGHTSHIFT_HOME"] == str(tmp_path / "copy")
    assert str(state / "lake") in environ["AIRFLOW_CONN_NIGHTSHIFT_LAKE"]
