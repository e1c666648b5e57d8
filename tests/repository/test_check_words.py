"""docs/check_words.py finds a retired word wherever a user would see it, and nowhere else."""

from pathlib import Path

import pytest

from docs.check_words import KEYS, RETIRED, find_retired, main, suggest

PLACES = {
    "README.md": "Everything stands twice.",
    "docs/how-to/alerts.md": "Open the house.",
    "include/nightshift/pages/a.html": '<p title="x">The verdict of {{ day }}</p>',
    "include/nightshift/pages/b.html": '{{ "in charge" if model.champion }}',
    "include/nightshift/commands/a.py": 'TEXT = f"{1} is in charge"\n',
    "include/nightshift/dags/a.py": '"""Mend it."""\n',
    "include/nightshift/sql/migrations/versions/0007_more.sql": "create table ml.upkeep (a integer);\n",
}
FINE = {
    "docs/decisions/README.md": "The house was mended.",
    "docs/reference/scores.md": "The key `verdict` of a rule, by `train/judge`.",
    "include/nightshift/pages/a.html": '<p class="verdict">{{ judged.value }}{# the house #}</p>{{ row["verdict"] }}',
    "include/nightshift/commands/a.py": (
        '"""Mend it."""\n\n__all__ = ["judge"]\n\n\ndef judge(x: "MaintenanceRun"):\n    return x["verdict"]\n'
    ),
    "include/nightshift/config/renamed.py": 'OLD = "night_hours"\n',
    "include/nightshift/sql/migrations/versions/0001_house.sql": "create table ml.upkeep (a integer);\n",
    "include/nightshift/sql/migrations/versions/0007_more.sql": (
        "-- The house.\nalter table ml.upkeep rename to maintenance;\ncreate view monitoring_0_1.upkeep as select 1;\n"
    ),
}


def write(folder: Path, content: str, name: str) -> None:
    """A file below the folder."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


@pytest.mark.parametrize("place", PLACES)
def test_a_retired_word_is_found_with_its_place_and_the_better_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    write(tmp_path, PLACES[place], place)
    (found,) = find_retired(tmp_path)
    assert found.startswith(f"{place}:1: ")
    assert "; write: " in found
    assert main([str(tmp_path)]) == 1
    assert found in capsys.readouterr().err


@pytest.mark.parametrize("place", FINE)
def test_names_keys_and_places_that_mean_the_old_word_are_left_alone(tmp_path: Path, place: str) -> None:
    write(tmp_path, FINE[place], place)
    assert find_retired(tmp_path) == []


def test_this_repository_has_none() -> None:
    assert find_retired() == []


def test_no_word_is_retired_that_is_its_own_advice_or_a_key_without_need() -> None:
    assert all(suggest(key) in RETIRED.values() for key in KEYS)
    assert suggest("Mended") == "fix"
