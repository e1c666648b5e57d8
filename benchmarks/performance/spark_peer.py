"""The Spark job, in the peers' own Python: features in Parquet -> mapInPandas -> JDBC. Prints when each run ended."""

import json
import os
import sys
import time
from collections.abc import Iterator
from datetime import date
from typing import Any

import pandas as pd
from pyspark.sql import SparkSession

COLUMNS = "id long, partition_date date, score double, decision boolean, model_version int, scored_at timestamp"


def main() -> None:
    """Runs the job so often; the last line of stdout is the list of end times."""
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
    model_file, night = job["model"], date.fromisoformat(job["night"])

    def score(frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        import joblib

        model = joblib.load(model_file)
        names = list(model.feature_names_in_)
        for frame in frames:
            scores = model.predict_proba(frame[names])[:, 1]
            scored = pd.DataFrame({"id": frame["id"], "partition_date": night, "score": scores})
            yield scored.assign(decision=scores >= 0.5, model_version=1, scored_at=pd.Timestamp.now("UTC"))

    options = {"user": job["login"], "password": os.environ["BENCH_PASSWORD"], "driver": "org.postgresql.Driver"}
    options |= {"batchsize": "10000", "truncate": "true"}
    ends = []
    for _ in range(job["runs"]):
        scored = session.read.parquet(job["features"]).mapInPandas(score, COLUMNS)
        scored.write.jdbc(job["url"], job["table"], "overwrite", options)
        ends.append(time.time())
    written = session.read.jdbc(job["url"], job["table"], properties=options).count()
    if written != job["rows"]:
        raise SystemExit(f"wrote {written} rows instead of {job['rows']}")
    print(json.dumps(ends), flush=True)
    session.stop()


if __name__ == "__main__":
    main()
