"""`check`: what it says of a pipeline that is accepted."""

from pathlib import Path
from typing import Any

import pytest

from nightshift.commands.check import list_notes
from nightshift.config.loading import load_pipeline
from tests.kits.pipelines import SUITE, make_spec, write_pipeline


@pytest.mark.parametrize(
    ("gate", "note"),
    [
        ({}, "training.holdout_days: is 2, and gate.resample: auto needs 5 days"),
        ({"resample": "partitions"}, "training.holdout_days: is 2, and gate.resample: partitions needs 10 days"),
        ({"resample": "rows"}, ""),
    ],
)
def test_too_few_held_out_days_are_told_before_the_first_night(gate: dict[str, Any], note: str, tmp_path: Path) -> None:
    folder = write_pipeline(tmp_path, make_spec(**{"gate": {"floor": 0.6, **gate}}))
    notes = list(list_notes(load_pipeline(folder)))
    assert len(notes) == bool(note)
    assert all(note in found for found in notes)


def test_limits_that_so_few_rows_a_day_never_reach_are_told(tmp_path: Path) -> None:
    few = {"expect_table_row_count_to_be_between": {"min_value": 1, "max_value": 6}}
    folder = write_pipeline(tmp_path, make_spec(), {**SUITE, "batch": [few]})
    notes = list(list_notes(load_pipeline(folder)))
    told = "gate.min_rows: is 50, and 2 days of at most 6 rows have 12, so no candidate can be promoted"
    assert any(told in note for note in notes)
    assert [name for name in ("drift.min_rows", "retrain.performance.min_rows") if any(name in n for n in notes)] == [
        "drift.min_rows",
        "retrain.performance.min_rows",
    ]
