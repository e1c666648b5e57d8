"""Shows what is refused as an import error in Airflow: a DAG file that calls this defines no DAG itself.

It is a file of its own because Airflow drops the DAGs of a file that raises.
"""

from nightshift.config.loading import load_pipelines
from nightshift.errors import NightshiftError


def raise_refused() -> None:
    """NightshiftError with all problems of every pipeline, extension and folder that can't be used, if there is one."""
    if refused := load_pipelines().refused:
        raise NightshiftError("\n\n".join(map(str, refused)))
