"""The pipeline metro on the nights of its real data that are wrong in ways of their own."""

from datetime import date

import pandas as pd
import pyarrow as pa
import pytest

from nightshift.config.loading import load_named_pipeline
from nightshift.config.pipeline import PipelineConfig
from nightshift.core.batch.casting import type_columns
from nightshift.core.batch.result import Verdict
from nightshift.core.features.build import build_features
from nightshift.io.runtime.user_code import load_function
from nightshift.io.sources import open_source
from nightshift.io.sources.fetching.address import find_data, resolve_path
from nightshift.steps.ingest.batch_checks import judge_rows
from tests.contract.source_kit import make_lookup

FILE = "metro_traffic_i94/metro_traffic.csv.gz"


@pytest.fixture(scope="module")
def metro() -> PipelineConfig:
    return load_named_pipeline("metro")


def read_night(config: PipelineConfig, night: date) -> pa.Table:
    if not (resolve_path(find_data()) / FILE).exists():
        pytest.skip(f"no real data: {FILE} is not below NIGHTSHIFT_DATA")
    return open_source(config, make_lookup()).read([night])


def judge(config: PipelineConfig, night: date) -> tuple[Verdict, pd.DataFrame]:
    """The verdict, and the rows that go on."""
    raw = read_night(config, night)
    typed = type_columns(raw, config.spec.columns)
    verdict = judge_rows(config, night, raw, typed)
    return verdict, typed.table.filter(pa.array(verdict.good)).to_pandas(date_as_object=False)


def add_features(config: PipelineConfig, rows: pd.DataFrame, night: date) -> pd.DataFrame:
    assert config.features_module is not None
    function = load_function(config.features_module, "build_features")
    return build_features(rows, pd.DataFrame(), {}, config.spec, night, function)


@pytest.mark.parametrize(
    ("night", "rows", "quarantined", "repeated", "reason"),
    [
        (date(2014, 2, 2), 24, 6, 0, "(found 0.0)"),  # a quarter of the day at 0 K
        (date(2016, 7, 11), 25, 1, 0, "(found 9831.3)"),
        (date(2012, 12, 16), 81, 0, 0, ""),  # several kinds of weather in most hours
        (date(2016, 7, 13), 24, 6, 0, "the key appears more than once"),  # an hour twice, in the same words
        (date(2015, 6, 11), 1, 0, 0, ""),  # a single hour, the first after the hole
        (date(2017, 6, 30), 32, 0, 4, ""),  # the same row again
    ],
)
def test_a_night_goes_on_without_the_rows_that_cannot_be_true(
    metro: PipelineConfig, night: date, rows: int, quarantined: int, repeated: int, reason: str
) -> None:
    verdict, good = judge(metro, night)
    assert (verdict.stopped, verdict.rows, verdict.quarantined, verdict.repeated) == ("", rows, quarantined, repeated)
    assert all(reason in " ".join(found) for row, found in verdict.reasons.items() if verdict.bad[row])
    assert len(good) == rows - quarantined - repeated


def test_a_day_of_the_hole_has_no_rows(metro: PipelineConfig) -> None:
    assert read_night(metro, date(2015, 1, 15)).num_rows == 0


def test_every_hour_of_a_holiday_is_one_though_only_the_first_bears_its_name(metro: PipelineConfig) -> None:
    _, good = judge(metro, date(2017, 7, 4))
    assert (good["holiday"] != "None").sum() == 1
    assert set(add_features(metro, good, date(2017, 7, 4))["is_holiday"]) == {1.0}
    _, good = judge(metro, date(2017, 7, 5))
    assert set(add_features(metro, good, date(2017, 7, 5))["is_holiday"]) == {0.0}


def test_a_day_whose_holidays_are_unknown_is_an_ordinary_one(metro: PipelineConfig) -> None:
    assert metro.features_module is not None
    function = load_function(metro.features_module, "build_features")
    for holidays in ([None, "None"], [None], []):
        rows = pd.DataFrame({"holiday": pd.Series(holidays, dtype=object)})
        assert not function(rows, rows)["is_holiday"].any()
