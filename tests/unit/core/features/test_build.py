"""Features: declarative ones, and that none can see what was not known."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightshift.config.loading import load_pipeline
from nightshift.config.pipeline import PipelineSpec
from nightshift.core.features.build import build_features, concat_history, list_lookback
from tests.kits.pipelines import make_spec, write_pipeline

DAY = date(2026, 1, 10)


def load_spec(folder: Path, **changes: Any) -> PipelineSpec:
    return load_pipeline(write_pipeline(folder, make_spec(**changes))).spec


def make_rows(day: date = DAY, spent: tuple[float, ...] = (1.0, 2.0, 3.0)) -> pd.DataFrame:
    count = len(spent)
    return pd.DataFrame(
        {
            "shop": [f"s{i % 2}" for i in range(count)],
            "visit": range(count),
            "seen_at": pd.Timestamp(day) + pd.to_timedelta(np.arange(count), "h"),
            "spent": spent,
            "rained": True,
            "late": 5.0,
            "returned": [1.0] * count,
        }
    )


NO_HISTORY = concat_history([])


def test_features_are_keys_then_features_sorted_by_key(tmp_path: Path) -> None:
    built = build_features(make_rows().iloc[::-1], NO_HISTORY, {}, load_spec(tmp_path), DAY)
    assert list(built.columns) == ["shop", "visit", "spent", "hour"]
    assert built["visit"].tolist() == [0, 2, 1]
    assert built["hour"].dtype == "float64"


@given(order=st.permutations(range(3)))
def test_the_order_of_rows_does_not_matter(tmp_path_factory: pytest.TempPathFactory, order: list[int]) -> None:
    spec = load_spec(tmp_path_factory.mktemp("p"))
    expected = build_features(make_rows(), NO_HISTORY, {}, spec, DAY)
    pd.testing.assert_frame_equal(build_features(make_rows().iloc[order], NO_HISTORY, {}, spec, DAY), expected)


def test_every_kind_of_derived_feature(tmp_path: Path) -> None:
    derived = [
        {"kind": "calendar", "name": "weekday", "column": "seen_at", "part": "weekday"},
        {"kind": "calendar", "name": "weekend", "column": "seen_at", "part": "is_weekend"},
        {"kind": "clock", "name": "clock", "column": "visit"},
        {"kind": "difference", "name": "gap", "left": "spent", "right": "visit"},
        {"kind": "ratio", "name": "share", "numerator": "spent", "denominator": "visit"},
    ]
    spec = load_spec(tmp_path, **{"features.derived": derived, "features.numeric": [d["name"] for d in derived]})
    rows = make_rows().assign(visit=[0, 2400, 1830])
    built = build_features(rows, NO_HISTORY, {}, spec, DAY).set_index("visit")
    assert built.loc[1830].drop("shop").tolist() == [5.0, 1.0, 1110.0, 3.0 - 1830, 3.0 / 1830]
    assert built.loc[2400, "clock"] == 0
    assert np.isnan(built.loc[0, "share"])


@pytest.mark.parametrize(("column", "expected"), [("spent", 9.0), ("late", 8.0), ("returned", 8.0)])
def test_a_rolling_feature_sees_only_what_was_known(tmp_path: Path, column: str, expected: float) -> None:
    """Outcomes mature after two days here, so yesterday's are not known yet; yesterday's spendings are."""
    rolling = {"kind": "rolling", "name": "recent", "column": column, "days": 1, "statistic": "mean"}
    spec = load_spec(
        tmp_path, **{"features.derived": [rolling], "features.numeric": ["recent"], "label.available_after_days": 2}
    )
    history = concat_history(
        [
            (DAY - timedelta(days=back), make_rows(DAY - timedelta(days=back)).assign(**{column: 10.0 - back}))
            for back in (3, 2, 1)
        ]
    )
    assert build_features(make_rows(), history, {}, spec, DAY)["recent"].tolist() == [expected] * 3


def test_a_rolling_feature_by_group_is_missing_where_the_window_has_none(tmp_path: Path) -> None:
    rolling = {"kind": "rolling", "name": "recent", "column": "spent", "by": ["shop"], "days": 3, "share_from": 2}
    spec = load_spec(tmp_path, **{"features.derived": [rolling], "features.numeric": ["recent"]})
    history = concat_history([(DAY - timedelta(days=1), make_rows(spent=(1.0,)))])
    built = build_features(make_rows(), history, {}, spec, DAY)
    assert built.set_index("visit")["recent"].tolist()[:1] == [0.0]
    assert built[built["shop"] == "s1"]["recent"].isna().all()
    assert list_lookback(spec, DAY) == [DAY - timedelta(days=back) for back in (3, 2, 1)]


def test_a_table_is_looked_up_without_changing_the_rows(tmp_path: Path) -> None:
    tables = {"shops": {"path": "shops.csv", "key": "id", "column": "shop", "columns": {"size": "shop_size"}}}
    spec = load_spec(tmp_path, **{"features.tables": tables, "features.numeric": ["shop_size"]})
    table = pd.DataFrame({"id": ["s0", "s0"], "size": [7, 8]})
    built = build_features(make_rows(), NO_HISTORY, {"shops": table}, spec, DAY)
    assert built[built["shop"] == "s0"]["shop_size"].tolist() == [7.0, 7.0]
    assert built[built["shop"] == "s1"]["shop_size"].isna().all()


def add_function(folder: Path) -> Path:
    """A features.py, which alone knows what it adds: without one a feature from nowhere is refused at load."""
    (folder / "shops").mkdir()
    (folder / "shops" / "features.py").touch()
    return folder


def test_a_users_function_never_sees_the_outcome(tmp_path: Path) -> None:
    seen: list[str] = []

    def build(rows: pd.DataFrame, history: pd.DataFrame) -> pd.DataFrame:
        seen.extend(rows.columns)
        return rows.assign(extra=1.0)

    spec = load_spec(add_function(tmp_path), **{"features.numeric": ["extra"]})
    assert build_features(make_rows(), NO_HISTORY, {}, spec, DAY, build)["extra"].tolist() == [1.0] * 3
    assert not {"returned", "late"} & set(seen)


def test_a_users_function_may_not_lose_rows(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="returned 1 rows, it was given 3"):
        build_features(make_rows(), NO_HISTORY, {}, load_spec(tmp_path), DAY, lambda rows, history: rows.head(1))


def test_a_feature_from_nowhere_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="ghost"):
        build_features(
            make_rows(), NO_HISTORY, {}, load_spec(add_function(tmp_path), **{"features.numeric": ["ghost"]}), DAY
        )


def test_infinities_become_missing(tmp_path: Path) -> None:
    built = build_features(make_rows(spent=(np.inf, 1.0, -np.inf)), NO_HISTORY, {}, load_spec(tmp_path), DAY)
    assert np.isnan(built.set_index("visit").loc[[0, 2], "spent"]).all()
