"""The Spark job, in the peers' own Python: features in Parquet -> mapInPandas -> JDBC. Prints when each run ended."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pandas as pd
from pyspark.sql import SparkSession

COLUMNS = "id long, partition_date date, score double, decision boolean, model_version int, scored_at timestamp"


def make_score(model_file: str, night: date) -> Callable[[Iterator[pd.DataFrame]], Iterator[pd.DataFrame]]:
    """What each of Spark's Python workers does with its part of the rows."""

    def score(frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        import joblib

        model = joblib.load(model_file)
        names = list(model.feature_names_in_)
        for frame in frames:
            scores = model.predict_proba(frame[names])[:, 1]
            scored = pd.DataFrame({"id": frame["id"], "partition_date": night, "score": scores})
            yield scored.assign(decision=scores >= 0.5, model_version=1, scored_at=pd.Timestamp.now("UTC"))

    return score


def main() -> None:
    """Runs the job for each night; the last line of stdout is the list of end times."""
    job: dict[str, Any] = json.loads(sys.argv[1])
    session = (
        SparkSession.builder.master("local[2]")
        .appName("bench")
        .config("spark.jars", job["jar"])
        .config("spark.ui.enabled", "false")
        .config("spark.driver.memory", "2g")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", str(job["batch_rows"]))
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    options = {"user": job["login"], "password": os.environ["BENCH_PASSWORD"], "driver": "org.postgresql.Driver"}
    options |= {"batchsize": "10000"}
    ends = []
    for night in job["nights"]:
        score = make_score(job["model"], date.fromisoformat(night))
        scored = session.read.parquet(job["features"]).mapInPandas(score, COLUMNS)
        scored.write.jdbc(job["url"], job["table"], "append", options)
        ends.append(time.time())
    print(json.dumps(ends), flush=True)
    session.stop()


if __name__ == "__main__":
    main()
