"""What the user of a request may see: the pipelines whose DAGs they may read, as everywhere else in Airflow."""

from dataclasses import dataclass

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
from airflow.api_fastapi.core_api.security import GetUserDep

DAG_KINDS = ("ingest", "score", "train", "drift", "rollback", "quarantine")


@dataclass(frozen=True)
class Access:
    """The DAGs that a user may read, and whether they may read import errors."""

    dag_ids: frozenset[str]
    import_errors: bool

    def allows(self, pipeline: str) -> bool:
        """The overview says something of each of the pipeline's DAGs, so all of them must be readable."""
        return all(f"{pipeline}_{kind}" in self.dag_ids for kind in DAG_KINDS)


def find_access(user: GetUserDep) -> Access:
    """A FastAPI dependency; 401 where nobody is logged in."""
    auth_manager = get_auth_manager()
    return Access(
        dag_ids=frozenset(auth_manager.get_authorized_dag_ids(user=user, method="GET")),
        import_errors=auth_manager.is_authorized_view(access_view=AccessView.IMPORT_ERRORS, user=user),
    )
