"""The steps of a night, a training and a drift run, one after the other in this process, as the DAGs chain them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from nightshift.config.model import Parameter
from nightshift.config.pipeline import PipelineConfig
from nightshift.config.project import COMMAND
from nightshift.io.lake.base import ObjectRef
from nightshift.io.resources import Resources
from nightshift.steps.handover import Assembled, Compared, Fitted, Judged, Measured, Scored, take
from nightshift.steps.outcome import Outcome

Report = Callable[[str, Outcome], None]


def run_ingest(
    config: PipelineConfig,
    resources: Resources,
    partition: date,
    report: Report,
    params: dict[str, Parameter] | None = None,
) -> Outcome:
    """Extract -> validate -> build features; ends at the first step that is not done."""
    from nightshift.steps.ingest.build_features import build_partition_features
    from nightshift.steps.ingest.extract import extract_partition
    from nightshift.steps.ingest.validate import validate_partition

    extracted = _tell(report, "extract", extract_partition(config, resources, partition, params))
    if extracted.status != "done":
        return extracted
    raw = ObjectRef.from_record(extracted.figures["raw"])
    validated = _tell(report, "validate", validate_partition(config, resources, partition, raw))
    if validated.status != "done":
        return validated
    valid = ObjectRef.from_record(validated.figures["valid"])
    built = _tell(report, "build_features", build_partition_features(config, resources, partition, valid))
    return Outcome(built.status, built.reason, {**validated.figures, **built.figures})


def run_score(
    config: PipelineConfig,
    resources: Resources,
    partition: date,
    report: Report,
    version: int | None = None,
    at: datetime | None = None,
) -> Outcome:
    """Score with the champion, with `version` or with the champion of that time -> publish, then the challenger."""
    from nightshift.steps.score.challenger import score_shadow
    from nightshift.steps.score.publish import publish_scores
    from nightshift.steps.score.score import score_partition

    scored = _tell(report, "score", score_partition(config, resources, partition, version=version, at=at))
    if scored.status != "done":
        return scored
    published = _tell(report, "publish", publish_scores(config, resources, partition, take(Scored, scored.figures)))
    if config.spec.gate.keep_challenger:
        _tell(report, "shadow", score_shadow(config, resources, partition))
    return published


@dataclass(frozen=True)
class TrainingRequest:
    """Who wants which window trained, and why. Asking again with the same `run_id` makes no second version."""

    as_of: date
    run_id: str
    requested_by: str
    train_from: date | None = None
    train_to: date | None = None
    reason: str = ""


def run_train(
    config: PipelineConfig, resources: Resources, request: TrainingRequest, report: Report, rehearsal: bool = False
) -> Outcome:
    """Assemble -> check -> tune and fit -> evaluate -> gate -> cards -> promote.

    Nobody can be asked here, so a candidate that needs approval is left to `bin/nightshift promote`.
    A rehearsal writes no cards, and tries in this process whether the model can be served.
    """
    from nightshift.steps import train

    assembled = _tell(
        report,
        "assemble",
        train.assemble_training_set(config, resources, request.as_of, request.train_from, request.train_to),
    )
    if assembled.status != "done":
        return assembled
    training_set = take(Assembled, assembled.figures)
    checked = _tell(report, "check", train.check_training_set(config, resources, training_set))
    if checked.status != "done":
        return checked
    candidate = _make_candidate(config, resources, request, training_set, report, rehearsal)
    promoted = _tell(
        report,
        "promote",
        train.promote_candidate(
            config,
            resources,
            training_set,
            candidate["version"],
            take(Judged, candidate),
            train.Promoter(request.requested_by, request.reason),
        ),
    )
    window = {name: assembled.figures[name] for name in ("train_from", "train_to", "rows")}
    figures = {**candidate, **window, "promoted": promoted.status == "done"}
    if candidate["decision"] == "needs_approval":
        figures["approve"] = f"{COMMAND} promote {config.name} {candidate['version']} --reason …"
        return Outcome("done", f"{promoted.reason}. To approve: {figures['approve']}", figures)
    # A gate that keeps the champion has done its work.
    status = "done" if promoted.status == "skipped" else promoted.status
    return Outcome(status, promoted.reason or candidate["reason"], figures)


def _make_candidate(
    config: PipelineConfig,
    resources: Resources,
    request: TrainingRequest,
    assembled: Assembled,
    report: Report,
    rehearsal: bool,
) -> dict[str, Any]:
    """Fit, register, judge, describe. The gate's figures, with what they are about."""
    from nightshift.steps import train
    from nightshift.steps.train.cards import write_cards

    fitted = _tell(report, "tune_and_fit", train.tune_and_fit(config, resources, assembled, request.run_id))
    evaluated = _tell(
        report,
        "evaluate",
        train.evaluate_candidate(config, resources, assembled, take(Fitted, fitted.figures), request.run_id),
    )
    version = evaluated.figures["version"]
    judged = _tell(report, "gate", train.judge_candidate(config, resources, assembled, version, fresh=not rehearsal))
    if not rehearsal:
        _tell(report, "cards", write_cards(config, resources, assembled, version))
    # What the model card shows feature by feature would bury the summary.
    metrics = {key: value for key, value in evaluated.figures["metrics"].items() if key not in ("importance", "alone")}
    return {
        "version": version,
        "estimator": fitted.figures["estimator"],
        "metrics": metrics,
        **judged.figures,
    }


def run_drift(
    config: PipelineConfig,
    resources: Resources,
    as_of: date,
    report: Report,
    evaluation: str,
    now: datetime,
    reports: bool = True,
) -> Outcome:
    """Compare -> measure performance -> decide, then the challenger. Training is left to whoever asked.

    `evaluation` names this run among the policy's decisions; without `reports` only figures are kept.
    """
    from nightshift.steps import drift
    from nightshift.steps.score.challenger import compare_challenger

    compared = _tell(report, "compare", drift.compare_windows(config, resources, as_of, reports))
    if compared.status != "done":
        return compared
    measured = _tell(report, "measure_performance", drift.measure_performance(config, resources, as_of))
    decided = _tell(
        report,
        "decide",
        drift.decide_retraining(
            config,
            resources,
            as_of,
            take(Compared, compared.figures),
            take(Measured, measured.figures),
            evaluation,
            now,
        ),
    )
    figures = {**compared.figures, "drift_reason": compared.figures["reason"], **measured.figures, **decided.figures}
    if config.spec.gate.keep_challenger:
        challenger = _tell(report, "compare_challenger", compare_challenger(config, resources, as_of))
        figures["challenger"] = challenger.reason
    return Outcome("done", decided.figures["reason"], figures)


def _tell(report: Report, step: str, outcome: Outcome) -> Outcome:
    report(step, outcome)
    return outcome
