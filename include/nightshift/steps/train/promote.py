"""A promoted candidate becomes the champion, if the champion still is the one that it was compared with."""

from dataclasses import dataclass

from nightshift.config.pipeline import PipelineConfig
from nightshift.config.project import COMMAND
from nightshift.io.registry import ChampionChanged, PromotionKind, PromotionRequest, promote
from nightshift.io.resources import Resources
from nightshift.steps.handover import Assembled, Judged, take
from nightshift.steps.outcome import Outcome
from nightshift.steps.train.judge import judge_candidate

# How often a candidate that lost a race is judged against the new champion before a person has to look.
MAX_JUDGEMENTS = 5


@dataclass(frozen=True)
class Promoter:
    """Who asked for the training and why (may be empty), and who approved of the candidate, where anyone had to."""

    name: str
    reason: str
    approved_by: str | None = None


def promote_candidate(
    config: PipelineConfig,
    resources: Resources,
    assembled: Assembled,
    version: int,
    judged: Judged,
    promoter: Promoter,
) -> Outcome:
    """Compare-and-set. Where another version won meanwhile, the candidate is judged again, against that one.

    Skipped unless the gate says `promote`, or `needs_approval` and somebody approved. An approval counts for the
    champion that it was given against, so a race that an approved candidate loses stops.
    What is kept as the reason: why it was asked for, and what the gate said.
    Figures: version, previous_version, judged_again.
    """
    for judgement in range(MAX_JUDGEMENTS):
        kind = _choose_kind(judged["decision"], promoter.approved_by)
        if kind is None:
            return Outcome("skipped", f"{config.name}: version {version} is not promoted: {judged['reason']}")
        previous = judged["champion_version"]
        why = "; ".join(filter(None, (promoter.reason, judged["reason"])))
        request = PromotionRequest(
            version, previous, promoter.name, why, judged["gate_decision_id"], kind, promoter.approved_by
        )
        try:
            with resources.warehouse.begin() as connection:
                promote(connection, config.name, request)
        except ChampionChanged as error:
            if kind == "approval":
                return Outcome(
                    "stopped", _explain_loss(config, version, f"{error}; the approval was given before that")
                )
            judged = take(Judged, judge_candidate(config, resources, assembled, version).figures)
            continue
        figures = {"version": version, "previous_version": previous, "judged_again": judgement}
        return Outcome("done", figures=figures)
    return Outcome("stopped", _explain_loss(config, version, f"the champion changed {MAX_JUDGEMENTS} times meanwhile"))


def _choose_kind(decision: str, approved_by: str | None) -> PromotionKind | None:
    if decision == "promote":
        return "gate"
    return "approval" if decision == "needs_approval" and approved_by else None


def _explain_loss(config: PipelineConfig, version: int, loss: str) -> str:
    return (
        f"{config.name}: version {version} is not promoted: {loss}. Train again, or look at both and choose: "
        f"{COMMAND} models {config.name}"
    )
