# Nightshift on Airflow's official image. Python and every package are those that the tests run with.
FROM apache/airflow:3.3.2-python3.11

USER root
RUN install -d -o airflow -g 0 -m 0775 /opt/nightshift /opt/airflow/logs /opt/airflow/auth /scratch

USER airflow
# An environment of its own: the image brings packages that we don't use, in versions that ours don't go with.
# One image for Celery's workers and for Kubernetes' pods.
COPY --chown=airflow:0 requirements.txt requirements/celery.txt requirements/kubernetes.txt /opt/nightshift/
RUN python -m venv /opt/nightshift/venv \
    && PIP_USER=0 /opt/nightshift/venv/bin/python -m pip install --no-cache-dir --require-hashes \
        -r /opt/nightshift/requirements.txt -r /opt/nightshift/celery.txt \
        -r /opt/nightshift/kubernetes.txt

ENV PATH=/opt/nightshift/venv/bin:$PATH \
    VIRTUAL_ENV=/opt/nightshift/venv \
    PYTHONPATH=/opt/airflow/include

# No telemetry: Great Expectations, Evidently, Airflow.
ENV GX_ANALYTICS_ENABLED=false \
    DO_NOT_TRACK=1 \
    SCARF_ANALYTICS=false \
    AIRFLOW__USAGE_DATA_COLLECTION__ENABLED=False

# Threads that wait by spinning cost more than they save as soon as the cores are busy.
ENV OMP_WAIT_POLICY=PASSIVE \
    OPENBLAS_NUM_THREADS=1

# Tasks fork from a process that has the heavy libraries loaded, ProcessExecutor's or a Celery worker's own
# (include/nightshift/orchestration/celery_config.py); the list is PRELOADED of include/nightshift/local/airflow.py.
ENV AIRFLOW__SCHEDULER__MP_START_METHOD=forkserver
ENV AIRFLOW__SCHEDULER__MP_FORKSERVER_PRELOAD="\
skops.io,\
airflow.executors.local_executor,\
airflow.sdk.execution_time.supervisor,\
airflow.sdk.execution_time.task_runner,\
airflow.dag_processing.dagbag,\
pandas,\
pyarrow.parquet,\
pyarrow.dataset,\
sqlalchemy.dialects.postgresql.psycopg2,\
sklearn.compose,\
sklearn.ensemble,\
sklearn.linear_model,\
sklearn.pipeline,\
numba,\
great_expectations,\
pgpq,\
airflow.providers.standard.decorators.python,\
airflow.timetables.trigger"

COPY --chown=airflow:0 airflow_settings.yaml /opt/airflow/airflow_settings.yaml
COPY --chown=airflow:0 deploy/compose/prepare.py /opt/airflow/deploy/compose/prepare.py
COPY --chown=airflow:0 dags /opt/airflow/dags
COPY --chown=airflow:0 plugins /opt/airflow/plugins
COPY --chown=airflow:0 include /opt/airflow/include
