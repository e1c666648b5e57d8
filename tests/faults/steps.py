"""Every step that writes, under one calling convention: plain arguments, as Airflow's tasks hand them on."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from nightshift.config.pipeline import PipelineConfig
from nightshift.io.lake.base import ObjectRef
from nightshift.io.resources import Resources
from nightshift.steps.alerts import reconcile_alerts
from nightshift.steps.drift.compare import compare_windows
from nightshift.steps.drift.decide import decide_retraining
from nightshift.steps.drift.measure import measure_performance
from nightshift.steps.ingest.build_features import build_partition_features
from nightshift.steps.ingest.extract import extract_partition
from nightshift.steps.ingest.validate import validate_partition
from nightshift.steps.outcome import Outcome
from nightshift.steps.registry.rollback import rescore_partitions, roll_back
from nightshift.steps.score.challenger import compare_challenger, score_shadow
from nightshift.steps.score.publish import publish_scores
from nightshift.steps.score.score import score_partition
from nightshift.steps.train.assemble import assemble_training_set
from nightshift.steps.train.cards import write_cards
from nightshift.steps.train.evaluate import evaluate_candidate
from nightshift.steps.train.fit import tune_and_fit
from nightshift.steps.train.judge import judge_candidate
from nightshift.steps.train.promote import Promoter, promote_candidate
from tests.integration.kit import NIGHTS, ignore, score_later

Figures = Mapping[str, dict[str, Any]]  # what each earlier step came to
Step = Callable[..., Outcome]
NIGHT, AS_OF, LATER = NIGHTS[6], NIGHTS[8], NIGHTS[7]
NOW = datetime(2026, 1, 20, 6, tzinfo=UTC)
RUN = "chain"


def validate(config: PipelineConfig, resources: Resources, partition: date, raw: dict[str, Any]) -> Outcome:
    """The reference travels as plain values."""
    return validate_partition(config, resources, partition, ObjectRef.from_record(raw))


def build_features(config: PipelineConfig, resources: Resources, partition: date, valid: dict[str, Any]) -> Outcome:
    """The reference travels as plain values."""
    return build_partition_features(config, resources, partition, ObjectRef.from_record(valid))


def gate(config: PipelineConfig, resources: Resources, assembled: dict[str, Any], version: int) -> Outcome:
    """Served in this process: what a fresh one finds is proved elsewhere, and takes seconds."""
    return judge_candidate(config, resources, assembled, version, fresh=False)


def promote_as(
    config: PipelineConfig, resources: Resources, assembled: Any, version: int, judged: Any, promoter: dict[str, str]
) -> Outcome:
    """Who asks travels as plain values."""
    return promote_candidate(config, resources, assembled, version, judged, Promoter(**promoter))


STEPS: dict[str, Step] = {
    "extract": extract_partition,
    "validate": validate,
    "build_features": build_features,
    "score": score_partition,
    "publish": publish_scores,
    "plan": score_later,
    "publish_planned": publish_scores,
    "shadow": score_shadow,
    "compare_challenger": compare_challenger,
    "assemble": assemble_training_set,
    "fit": tune_and_fit,
    "evaluate": evaluate_candidate,
    "gate": gate,
    "cards": write_cards,
    "promote": promote_as,
    "compare": compare_windows,
    "measure": measure_performance,
    "decide": decide_retraining,
    "alerts": reconcile_alerts,
    "rollback": roll_back,
    "rescore": rescore_partitions,
}


def call_step(step: str, config: PipelineConfig, resources: Resources, arguments: dict[str, Any]) -> Outcome:
    """As Airflow's tasks do: which partition, then the rest by name."""
    where = [arguments["partition"]] if "partition" in arguments else []
    rest = {name: value for name, value in arguments.items() if name != "partition"}
    return STEPS[step](config, resources, *where, **rest)


def make_arguments(step: str, done: Figures) -> dict[str, Any]:
    """What the step is called with, after the steps before it."""
    makers: dict[str, Callable[[], dict[str, Any]]] = {
        "extract": lambda: {"partition": NIGHT},
        "validate": lambda: {"partition": NIGHT, "raw": done["extract"]["raw"]},
        "build_features": lambda: {"partition": NIGHT, "valid": done["validate"]["valid"]},
        "score": lambda: {"partition": NIGHT},
        "publish": lambda: {"partition": NIGHT, "scored": done["score"]},
        "plan": lambda: {"partition": NIGHT},
        "publish_planned": lambda: {"partition": NIGHT, "scored": done["plan"]},
        "shadow": lambda: {"partition": NIGHT},
        "assemble": lambda: {"as_of": NIGHT},
        "fit": lambda: {"assembled": done["assemble"], "run_id": RUN},
        "evaluate": lambda: {"assembled": done["assemble"], "fitted": done["fit"], "run_id": RUN},
        "gate": lambda: {"assembled": done["assemble"], "version": done["evaluate"]["version"]},
        "cards": lambda: {"assembled": done["assemble"], "version": done["evaluate"]["version"]},
        "promote": lambda: {
            "assembled": done["assemble"], "version": done["evaluate"]["version"],
            "judged": {**done["gate"], "decision": "promote"}, "promoter": {"name": "tests", "reason": "chain"},
        },
        "compare": lambda: {"as_of": AS_OF},
        "measure": lambda: {"as_of": AS_OF},
        "decide": lambda: {
            "as_of": AS_OF, "evaluation": "evening", "now": NOW, "compared": done["compare"],
            "measured": done["measure"],
        },
        "compare_challenger": lambda: {"as_of": AS_OF},
        "alerts": lambda: {"now": NOW},
        "rollback": lambda: {"to": None, "rolled_back_by": "tests", "reason": "a hunch", "run_id": "back"},
        "rescore": lambda: {"version": 1, "first": NIGHT, "last": AS_OF, "reason": "a hunch", "report": ignore},
    }  # fmt: skip
    return makers[step]()
