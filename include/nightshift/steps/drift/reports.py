"""both samples -> Evidently's report in the lake."""

from collections.abc import Sequence
from datetime import date

import pandas as pd

from nightshift.config.pipeline import PipelineConfig
from nightshift.core.drift.columns import find_bound
from nightshift.core.drift.result import SCORE, ColumnDrift
from nightshift.io.lake.base import make_attempt_id, make_key
from nightshift.io.resources import Resources
from nightshift.io.runtime.temp_files import open_temporary_folder
from nightshift.io.vendors.evidently import write_report
from nightshift.steps.drift.reference import Matched
from nightshift.steps.drift.scores import ComparedScores

Uris = tuple[str | None, str | None]


def store_reports(
    config: PipelineConfig,
    resources: Resources,
    as_of: date,
    matched: Matched,
    columns: Sequence[ColumnDrift],
    scores: ComparedScores,
) -> Uris:
    """Where HTML and JSON lie; none where no column can be compared. Only columns that have a distance are shown."""
    shown = {column.column_name: column.method for column in columns if column.score is not None}
    if not shown:
        return None, None
    reference, current = matched.reference, matched.current
    if scores.reference is not None and SCORE not in reference:
        reference, current = _add_scores(reference, scores.reference), _add_scores(current, scores.current)
    for name in (column.column_name for column in columns if column.score is not None and column.kind == "numeric"):
        bound = find_bound("numeric", reference[name])
        reference, current = (side.assign(**{name: bound(side[name])}) for side in (reference, current))
    with open_temporary_folder() as folder:
        html, json = folder / "drift.html", folder / "drift.json"
        write_report(reference, current, shown, config.spec.drift.column_limit, html, json)
        attempt = make_attempt_id()
        keys = [make_key("reports", config.name, as_of, attempt, f".{path.name}") for path in (html, json)]
        return resources.lake.put_file(keys[0], html), resources.lake.put_file(keys[1], json)


def _add_scores(rows: pd.DataFrame, scores: pd.Series | None) -> pd.DataFrame:
    """Side by side only for the report: the scores may be those of other rows, and of another number of them."""
    return pd.concat([rows.reset_index(drop=True), scores.rename(SCORE)], axis=1) if scores is not None else rows
