"""What the demo left in the warehouse: read, checked, and told in plain words."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from textwrap import fill
from typing import Any

from sqlalchemy import Connection, text

from nightshift.core.gate.rule import RuleName, find_figures
from nightshift.local.demo import script

_NAMES = {"pipeline": script.PIPELINE}


@dataclass(frozen=True)
class Facts:
    """Found in the warehouse, not remembered."""

    validations: dict[date, dict[str, Any]]
    scored: dict[date, tuple[int, int]]
    champion: int | None
    promotions: list[dict[str, Any]]
    drift: dict[date, dict[str, Any]]
    decisions: list[dict[str, Any]]
    gate: dict[int, dict[str, Any]]
    auc: dict[tuple[date, int], float]


def read_facts(connection: Connection) -> Facts:
    """Everything that the story needs."""

    def rows(query: str) -> list[dict[str, Any]]:
        return [dict(row) for row in connection.execute(text(query), _NAMES).mappings()]

    table = rows("select to_regclass('scores.churn') is not null as found")[0]["found"]
    scored = (
        rows(
            "select partition_date, count(*) as rows, min(model_version) as lowest, max(model_version) as highest"
            " from scores.churn group by 1"
        )
        if table
        else []
    )
    # The scheduler may have run a real night meanwhile; the story is about its own.
    return Facts(
        validations={
            row["partition_date"]: row
            for row in rows("select * from monitoring.validation where pipeline = :pipeline")
            if row["partition_date"] in script.ALL_NIGHTS
        },
        scored={
            row["partition_date"]: (row["rows"], row["highest"])
            for row in scored
            if row["lowest"] == row["highest"] and row["partition_date"] in script.ALL_NIGHTS
        },
        champion=next(iter(rows("select version from ml.champions where pipeline = :pipeline")), {}).get("version"),
        promotions=rows("select * from ml.promotions where pipeline = :pipeline order by id"),
        drift={row["window_to"]: row for row in rows("select * from monitoring.drift where pipeline = :pipeline")},
        decisions=rows("select * from monitoring.retrain_decisions where pipeline = :pipeline order by id"),
        gate={
            row["candidate_version"]: row for row in rows("select * from ml.gate_decisions where pipeline = :pipeline")
        },
        auc={
            (row["partition_date"], row["model_version"]): row["value"]
            for row in rows("select * from monitoring.performance where pipeline = :pipeline and metric = 'roc_auc'")
        },
    )


def find_missing(facts: Facts) -> list[str]:
    """What the demo promises and the warehouse does not show; empty where the story holds."""
    bad = facts.validations.get(script.BAD_NIGHT)
    retrained = [d for d in facts.decisions if d["decision"] == "retrain" and d["as_of"] == script.DRIFT_NIGHTS[-1]]
    champion_rule = _find_rule(facts, 2, "champion")
    promises = {
        "a validation for each of the fourteen days": set(script.ALL_NIGHTS) <= set(facts.validations),
        "rows in quarantine on the ordinary days": all(
            facts.validations.get(night, {}).get("quarantined") for night in script.SCORED_NIGHTS
        ),
        "the bad batch stopped": bad is not None and not bad["success"],
        "no score of the bad day": script.BAD_NIGHT not in facts.scored,
        "the days before the retraining scored by version 1": all(
            facts.scored.get(night, (0, 0))[1] == 1 for night in (*script.CALM_NIGHTS, *script.DRIFT_NIGHTS)
        ),
        "no drift before the change": facts.drift.get(script.CALM_NIGHTS[-1], {}).get("drifted") is False,
        "drift after the change": facts.drift.get(script.DRIFT_NIGHTS[-1], {}).get("drifted") is True,
        "a decision to retrain, with its reason": bool(retrained and retrained[0]["reason"]),
        "a gate decision that compares the candidate with the champion": "gain" in champion_rule,
        "version 2 promoted over version 1": facts.champion == 2 and facts.promotions[-1]["previous_version"] == 1,
        "the last days scored by version 2": all(
            facts.scored.get(night, (0, 0))[1] == 2 for night in script.FINAL_NIGHTS
        ),
        "the champion's loss of at least .02 AUC after the change": _loss(facts) >= 0.02,
        "at least half of it regained by the new one": _regained(facts) >= 0.5 * _loss(facts),
    }
    return [promise for promise, kept in promises.items() if not kept]


def tell(facts: Facts) -> str:
    """The story, a paragraph per thing that happened."""
    rows = sum(v["rows"] for v in facts.validations.values())
    quarantined = sum(facts.validations[n]["quarantined"] for n in script.ALL_NIGHTS if n != script.BAD_NIGHT)
    bad = facts.validations[script.BAD_NIGHT]
    reason = facts.drift[script.DRIFT_NIGHTS[-1]]["reason"]
    calm, final = _mean_auc(facts, script.CALM_NIGHTS, 1), _mean_auc(facts, script.FINAL_NIGHTS, 2)
    compared, scored = _find_rule(facts, 2, "champion"), sum(count for count, _ in facts.scored.values())
    paragraphs = {
        "What came in": f"{rows:,} rows in {len(facts.validations)} days. {quarantined} rows of the ordinary days"
        " went to quarantine, each with its reason; the others were turned into features.",
        "The bad batch": f"The file of {script.BAD_NIGHT} was broken: {bad['quarantined']:,} of {bad['rows']:,} rows"
        " failed. The batch was stopped, and scores.churn has no row of that day.",
        "The first model": f"Version 1 scored the days before the change with an AUC of {calm:.3f}.",
        "The change": f"Drift: {reason}. On the outcomes, version 1 had fallen from {calm:.3f} to"
        f" {calm - _loss(facts):.3f} (-{_loss(facts):.3f}).",
        "The retraining": "The drift DAG asked for it, and the gate compared old and new on the same"
        f" {_find_rule(facts, 2, 'min_rows')['rows']:,} held-out rows: version 1 {compared['champion']:.3f}, version 2"
        f" {compared['candidate']:.3f}. Version 2 was promoted.",
        "Since then": f"Version 2 scored the last days with an AUC of {final:.3f}.",
        "For analysts": f"{scored:,} rows in scores.churn, {len(facts.scored)} complete days.",
    }
    told = (_lay_out(title, text) for title, text in paragraphs.items())
    return "Two weeks in summary (simulated subscribers, real pipeline)\n\n" + "\n".join(told)


def _lay_out(title: str, paragraph: str) -> str:
    return fill(paragraph, 100, initial_indent=f"  {title:18}", subsequent_indent=" " * 20)


QUERIES = (
    "select partition_date, model_version, count(*), round(avg(score)::numeric, 3) as mean_score"
    " from scores.churn group by 1, 2 order by 1",
    "select version, previous_version, promoted_by, reason from ml.promotions where pipeline = 'churn' order by id",
    "select as_of, decision, reason from monitoring.retrain_decisions where pipeline = 'churn' order by id",
)


def _mean_auc(facts: Facts, nights: tuple[date, ...], version: int) -> float:
    found = [facts.auc[night, version] for night in nights if (night, version) in facts.auc]
    return sum(found) / len(found) if found else float("nan")


def _loss(facts: Facts) -> float:
    return _mean_auc(facts, script.CALM_NIGHTS, 1) - _mean_auc(facts, script.DRIFT_NIGHTS, 1)


def _regained(facts: Facts) -> float:
    return _mean_auc(facts, script.FINAL_NIGHTS, 2) - _mean_auc(facts, script.DRIFT_NIGHTS, 1)


def _find_rule(facts: Facts, version: int, name: RuleName) -> Mapping[str, Any]:
    """The figures of one rule of the gate's decision about `version`; empty where there is none."""
    rules = facts.gate.get(version, {}).get("rules", [])
    return find_figures(rules, name)
