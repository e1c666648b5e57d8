"""What somebody would write without Nightshift: one night in one process, without its guarantees.

Reads the night's file, keeps it, runs the same Great Expectations suite, splits bad rows off, keeps the features,
predicts, writes the scores as Parquet and replaces the night in PostgreSQL with COPY in one transaction.
"""

import io
import sys
from datetime import UTC, datetime
from pathlib import Path

import great_expectations as gx
import joblib
import pandas as pd
import psycopg2

FEATURES = [f"n{number}" for number in range(20)]
TABLE = """create table if not exists script_scores (id bigint not null, partition_date date not null,
    score double precision not null, decision boolean not null, model_version integer not null,
    scored_at timestamptz not null, primary key (partition_date, id))"""


def validate(frame: pd.DataFrame) -> pd.Series:
    """Which rows are good; SystemExit where the batch is bad."""
    context = gx.get_context(mode="ephemeral")
    source = context.data_sources.add_pandas("pandas").add_dataframe_asset("night")
    batch = source.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
    suite = gx.ExpectationSuite(name="rows")
    for column, least, most in (("n0", -100, 100), ("n1", -100, 100), ("n2", -100, 4.3)):
        suite.add_expectation(
            gx.expectations.ExpectColumnValuesToBeBetween(column=column, min_value=least, max_value=most)
        )
    suite.add_expectation(gx.expectations.ExpectColumnValuesToNotBeNull(column="n0"))
    suite.add_expectation(gx.expectations.ExpectTableRowCountToBeBetween(min_value=100))
    suite.add_expectation(gx.expectations.ExpectColumnMeanToBeBetween(column="n3", min_value=-1, max_value=1))
    good = pd.Series(True, index=frame.index)
    for result in batch.validate(suite, result_format={"result_format": "COMPLETE"}).results:
        if "unexpected_index_list" in result.result:
            good.loc[result.result["unexpected_index_list"]] = False
        elif not result.success:
            raise SystemExit(f"bad batch: {result}")
    return good & ~frame.duplicated("id", keep=False)


def write_scores(scored: pd.DataFrame, night: str, socket: str) -> None:
    """Replace the night, with COPY of CSV."""
    text = io.StringIO()
    scored.to_csv(text, index=False, header=False)
    text.seek(0)
    connection = psycopg2.connect(host=socket, user="postgres", dbname="warehouse")
    with connection, connection.cursor() as cursor:
        cursor.execute(TABLE)
        cursor.execute("delete from script_scores where partition_date = %s", (night,))
        cursor.copy_expert("copy script_scores from stdin with (format csv)", text)
    connection.close()


def main() -> None:
    """One night."""
    file, night, home, socket = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), sys.argv[4]
    kept = home / "script" / night
    kept.mkdir(parents=True, exist_ok=True)
    frame = pd.read_parquet(file)
    frame.to_parquet(kept / "raw.parquet", compression="zstd")
    good = validate(frame)
    frame[~good].to_parquet(kept / "quarantine.parquet", compression="zstd")
    features = frame.loc[good, ["id", *FEATURES]].sort_values("id")
    features.to_parquet(kept / "features.parquet", compression="zstd")
    model = joblib.load(home / "model.joblib")
    score = model.predict_proba(features[list(model.feature_names_in_)])[:, 1]
    scored = features[["id"]].assign(partition_date=night, score=score, decision=score >= 0.5, model_version=1)
    scored["scored_at"] = datetime.now(UTC)
    scored.to_parquet(kept / "scores.parquet", compression="zstd")
    write_scores(scored, night, socket)


if __name__ == "__main__":
    main()
