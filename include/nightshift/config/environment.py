"""Environment variables of every process of ours, set before the libraries that read them are loaded."""

# No telemetry: Great Expectations, Evidently, Airflow.
TELEMETRY_OFF = {
    "GX_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "SCARF_ANALYTICS": "false",
    "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
}
# Several tasks share few cores: threads that wait by spinning, or that one multiplication is spread over, cost a
# hundred times what they save as soon as the cores are busy.
THREADS = {"OMP_WAIT_POLICY": "PASSIVE", "OPENBLAS_NUM_THREADS": "1"}
