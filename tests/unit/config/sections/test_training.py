"""The label's own source in pipeline.yaml: what rows then need not have, and what they can't be asked for."""

from pathlib import Path
from typing import Any

import pytest

from nightshift.config.loading import PipelineRefused, load_pipeline
from nightshift.config.pipeline import PipelineConfig
from tests.kits.pipelines import make_spec, write_pipeline

OWN = {"label.source": {"kind": "files", "path": "outcomes/{partition}.csv"}}
ROLLING = {"kind": "rolling", "name": "share", "column": "returned", "days": 3}


def load(folder: Path, suite: Any = None, **changes: Any) -> PipelineConfig:
    return load_pipeline(write_pipeline(folder, make_spec(**changes), suite))


def test_rows_need_not_have_what_comes_with_the_outcomes(tmp_path: Path) -> None:
    told = {"columns": {**make_spec()["columns"], "told": "timestamp"}, "label.recorded_at": "told"}
    spec = load(tmp_path, **OWN, **told).spec
    assert list(spec.delivered) == ["shop", "visit", "seen_at", "spent", "rained"]
    assert spec.afterwards == {"returned", "late", "told"}


def test_without_a_source_of_its_own_the_label_comes_with_the_rows(tmp_path: Path) -> None:
    spec = load(tmp_path).spec
    assert spec.delivered == spec.columns


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"features.derived": [ROLLING], **OWN}, "(rolling): 'returned' comes with the outcomes (label.source)"),
        (
            {"features.derived": [{**ROLLING, "column": "spent", "by": ["late"]}], **OWN},
            "(rolling): 'late' comes with the outcomes",
        ),
        ({"event_time": "late", **OWN}, "event_time: 'late' comes with the outcomes"),
        (
            {"source.path": "all.csv", "source.partition_by": {"column": "late"}, **OWN},
            "source.partition_by.column: 'late'",
        ),
        ({"label.recorded_at": "toldd"}, "label.recorded_at: 'toldd' is not among columns"),
        ({"label.recorded_at": "shop"}, "label.recorded_at: 'shop' must be a timestamp, date or number"),
        ({"label.recorded_at": "spent"}, "'spent' is known only afterwards"),
        ({"label.source": {"kind": "files", "path": "all.csv"}}, "say the partition exactly once"),
        ({"label.revised_for_days": -1}, "label.revised_for_days: -1"),
    ],
)
def test_what_only_outcomes_have_is_refused_elsewhere(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    with pytest.raises(PipelineRefused) as refused:
        load(tmp_path, **changes)
    assert told in str(refused.value)


def test_an_expectation_on_a_column_of_the_outcomes_is_refused(tmp_path: Path) -> None:
    suite = {"rows": [{"expect_column_values_to_not_be_null": {"column": "returned"}}]}
    with pytest.raises(PipelineRefused, match="'returned' comes with the outcomes"):
        load(tmp_path, suite, **OWN)


def test_a_rolling_label_is_fine_where_rows_bring_it(tmp_path: Path) -> None:
    assert load(tmp_path, **{"features.derived": [ROLLING], "features.numeric": ["spent", "share"]})
