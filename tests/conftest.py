"""What all tests share."""

import os

# Before any library reads them: no telemetry, and no threads that wait by spinning.
os.environ.update(
    GX_ANALYTICS_ENABLED="false",
    DO_NOT_TRACK="1",
    AIRFLOW__USAGE_DATA_COLLECTION__ENABLED="False",
    OMP_WAIT_POLICY="PASSIVE",
    OPENBLAS_NUM_THREADS="1",
)

pytest_plugins = ["tests.s3_server"]
