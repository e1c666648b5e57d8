"""The task of NAME_train that asks a person whether the candidate may take over."""

from datetime import timedelta
from typing import Any
from urllib.parse import quote

from airflow.providers.standard.operators.hitl import ApprovalOperator, HITLOperator
from airflow.sdk import Context, Param
from airflow.sdk.configuration import conf
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from nightshift.orchestration.task_wrapper import open_pipeline


class ApprovePromotion(ApprovalOperator):
    """Ask a person whether the candidate may take over, with the gate's evidence. Without an answer the champion stays.

    Skips itself where the gate needs nobody. It never skips `promote`, which says why the champion stays.
    Returns approved, by, note and reason.
    """

    template_fields = (*ApprovalOperator.template_fields, "evaluated", "judged")

    def __init__(self, *, pipeline: str, hours: float, evaluated: Any, judged: Any, **kwargs: Any) -> None:
        note = Param(
            None, "Kept with the answer.", source="task", type=["null", "string"], maxLength=1000, title="Note"
        )
        # Airflow hands over the DAG's form here; this question has one of its own.
        kwargs["params"] = {"note": note}
        super().__init__(
            subject=f"{pipeline}: may the candidate take over?",
            body="Written when the gate has decided.",
            defaults=self.REJECT,
            response_timeout=timedelta(hours=hours),
            doc_md=self.__doc__,
            **kwargs,
        )
        self.pipeline, self.hours, self.evaluated, self.judged = pipeline, hours, evaluated, judged

    def execute(self, context: Context) -> None:
        """Ask, unless the gate has decided by itself."""
        if self.judged["decision"] != "needs_approval":
            raise AirflowSkipException(f"the gate says {self.judged['decision']}: no one needs to approve")
        from nightshift.steps.train.request import write_request

        config, resources = open_pipeline(self.pipeline)
        closing = self._write_closing(context["dag_run"].run_id)
        request = write_request(config, resources, self.evaluated["version"], self.judged, closing)
        # A task that is cleared keeps Airflow's first request for it (3.3), whatever is asked now.
        if request.outdates and context["ti"].try_number > 1:
            raise AirflowFailException(
                f"{self.pipeline}: version {self.evaluated['version']} was evaluated again, but Airflow would show the "
                f"figures of the first time. No one is asked about those, and the champion is kept. Train again: "
                f"trigger {self.pipeline}_train"
            )
        self.subject, self.body = request.subject, request.body
        super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """What was answered, for `promote`."""
        # Not ApprovalOperator's own: on Reject it skips `promote` without a word.
        HITLOperator.execute_complete(self, context, event)
        answer = read_answer(event, self.hours)
        self.log.info("%s", answer["reason"])
        return answer

    def _write_closing(self, run_id: str) -> list[str]:
        base = str(conf.get("api", "base_url", fallback="")).rstrip("/")
        card = f"{base}/nightshift/cards/{self.pipeline}/{self.evaluated['version']}/model"
        run = f"{base}/dags/{self.pipeline}_train/runs/{quote(run_id, safe='')}"
        return [
            f"[Model card](<{card}>) · [This run](<{run}>)",
            f"**Approve** promotes the candidate: it scores from the next run on. **Reject**, or no answer within "
            f"{self.hours:g} hours, keeps the champion.",
        ]


def read_answer(event: dict[str, Any], hours: float) -> dict[str, Any]:
    """approved, by (None: nobody), note and reason, from what Airflow hands over."""
    approved = event["chosen_options"] == [ApprovalOperator.APPROVE]
    by = get_user(event["responded_by_user"]) if event["responded_by_user"] else None
    note = " ".join(str((event["params_input"] or {}).get("note") or "").split())
    done = f"{'approved' if approved else 'rejected'} by {by}" if by else f"no one answered within {hours:g} hours"
    return {
        "approved": approved and by is not None,
        "by": by,
        "note": note,
        "reason": f"{done}: {note}" if note else done,
    }


def get_user(user: dict[str, str]) -> str:
    """The user's name, and the id where it says something else."""
    return user["name"] if user["name"] == user["id"] else f"{user['name']} ({user['id']})"
