"""A connection as Airflow describes it, without Airflow."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

WAREHOUSE = "nightshift_warehouse"
LAKE = "nightshift_lake"
# Airflow's own database, for maintenance alone; it may be missing.
AIRFLOW = "nightshift_airflow"
# Other logins to the same warehouse, each named like the role that it has. None of them has to be there.
ADMIN, READER, ANALYST = "nightshift_admin", "nightshift_reader", "nightshift_analyst"


@dataclass(frozen=True)
class ConnectionSpec:
    """Where something is and how to log in. The password stays out of `repr`, so out of logs and tracebacks."""

    conn_id: str
    conn_type: str
    host: str | None = None
    login: str | None = None
    password: str | None = field(default=None, repr=False)
    port: int | None = None
    schema: str | None = None
    extra: dict[str, Any] = field(default_factory=dict, repr=False)


# Looks a connection up by its id; NightshiftError, naming the id, where there is none.
GetConnection = Callable[[str], ConnectionSpec]
