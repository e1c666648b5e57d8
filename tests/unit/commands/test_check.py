"""`check`: what it says of a pipeline that is accepted."""

from pathlib import Path
from typing import Any

import pytest

from nightshift.commands.check import list_notes
from nightshift.config.loading import load_pipeline
from tests.kits.pipelines import make_spec, write_pipeline


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
