"""Shows the pipelines that are refused, each with all its problems, as an import error of this file in Airflow.

It defines no DAG. The pipelines that are in order load in their own files all the same.
"""

import nightshift_path

from nightshift.config.loading import load_pipelines
from nightshift.errors import NightshiftError

refused = load_pipelines().refused
if refused:
    raise NightshiftError("\n\n".join(str(pipeline) for pipeline in refused))
