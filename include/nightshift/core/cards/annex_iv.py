"""The nine points of Annex IV to Regulation (EU) 2024/1689 (the AI Act), and what this card knows about each.

The wording of the points is shortened. An answer is a statement of the card, or None: "not provided". Whether a system
is a high-risk one, and whether its documentation is sufficient, is for its provider to say.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nightshift.config.project import COMMAND

Card = dict[str, Any]


@dataclass(frozen=True)
class Item:
    """One item of the annex: what it asks for, the answer, and the sections of the page with the details."""

    item: str
    asks: str
    answer: Callable[[Card], str | None]
    sections: tuple[str, ...] = ()


POINTS = {
    "1": "General description of the system",
    "2": "Elements of the system and process of its development",
    "3": "Monitoring, functioning and control",
    "4": "Appropriateness of the performance metrics",
    "5": "Risk management system (Article 9)",
    "6": "Changes through the lifecycle",
    "7": "Harmonised standards and other specifications applied",
    "8": "EU declaration of conformity (Article 47)",
    "9": "Evaluation after the system was put into service (Article 72)",
}


def _unknown(card: Card) -> None:
    return None


def _tell_identity(card: Card) -> str:
    about, before = card["about"], card["changes"]["compared_with"]
    relation = f", compared with version {before}" if before else ", the first to be evaluated"
    if card["gate"]["decision"] is None:
        relation = ""
    return (
        f"Purpose: {about['purpose'] or 'not provided'} Provider: {about['provider'] or 'not provided'}. "
        f"Version {card['version']} of {card['pipeline']}{relation}."
    )


def _tell_software(card: Card) -> str | None:
    return ", ".join(f"{name} {version}" for name, version in card["model"]["software"].items()) or None


def _tell_serving(card: Card) -> str | None:
    serving = card["model"]["serving"] or {}
    figures = [
        f"{serving[name]:.3g} {unit}"
        for name, unit in (("seconds", "seconds"), ("megabytes", "MB of memory"))
        if serving.get(name) is not None
    ]
    return f"The hardware is not provided. Measured for 1,000 rows: {', '.join(figures)}." if figures else None


def _tell_development(card: Card) -> str:
    search = card["search"]
    tried = f"{search['trials']} trials of a seeded search; " if search else ""
    rows = card["training"]["rows"]
    return f"{tried}{card['model']['estimator']} was fitted on {rows:,} rows, from nothing pre-trained."


def _tell_design(card: Card) -> str:
    model, metric = card["model"], _find_judged(card)["metric"]
    return f"Task: {model['task'].replace('_', ' ')}. The output is {model['output']}. Optimised for {metric}."


def _tell_resources(card: Card) -> str | None:
    search = card["search"]
    return f"The search took {search['seconds']:,.0f} seconds of fitting and predicting." if search else None


def _tell_data(card: Card) -> str:
    training = card["training"]
    return (
        f"Days {training['train_from']} to {training['train_to']}, evaluated on {training['holdout_from']} to "
        f"{training['holdout_to']}; see the data card of this version."
    )


def _tell_validation(card: Card) -> str:
    evaluation, gate = card["evaluation"], card["gate"]
    rules = f"; the gate checked {len(gate['rules'])} rules" if gate["rules"] else ""
    return f"{evaluation['rows']:,} later rows of {evaluation['days']} days that were not fitted on{rules}."


def _tell_capabilities(card: Card) -> str | None:
    judged, slices = _find_judged(card), card["slices"]
    if judged["value"] is None:
        return None
    groups = f" Measured in {len(slices['groups'])} groups of rows." if slices["groups"] else ""
    interval = f" ({judged['low']:.4f} to {judged['high']:.4f})" if _is_known(judged["low"]) else ""
    return f"{judged['metric']} {judged['value']:.4f}{interval} on held-out rows.{groups}"


def _tell_metric(card: Card) -> str:
    judged = _find_judged(card)
    return (
        f"The gate uses {judged['metric']}, next to the naive baseline and the champion. "
        "Why it suits the purpose: not provided."
    )


def _tell_changes(card: Card) -> str | None:
    if card["gate"]["decision"] is None:
        return None
    return " ".join(card["changes"]["differences"]) or "There was no champion when this version was evaluated."


def _find_judged(card: Card) -> dict[str, Any]:
    return next(row for row in card["evaluation"]["metrics"] if row["judged"])


def _is_known(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


ITEMS = (
    Item("1(a)", "purpose, provider, version and its relation to earlier ones", _tell_identity, ("about", "changes")),
    Item(
        "1(b)",
        "interaction with other hardware and software",
        lambda card: (
            f"A nightly batch job on Apache Airflow that reads features from the lake and writes the table "
            f"scores.{card['pipeline']} in PostgreSQL."
        ),
    ),
    Item("1(c)", "versions of software", _tell_software, ("model",)),
    Item("1(d)", "forms in which it is put into service", lambda card: "Scored tables in the warehouse."),
    Item("1(e)", "hardware that it is to run on", _tell_serving, ("model",)),
    Item("1(f)", "pictures of the product that it is a component of", _unknown),
    Item(
        "1(g)",
        "user interface for the deployer",
        lambda card: f"The Airflow UI with Nightshift's pages, the command {COMMAND}, and SQL.",
    ),
    Item("1(h)", "instructions for use for the deployer", lambda card: card["about"]["users"], ("about",)),
    Item("2(a)", "methods and steps of development; pre-trained parts", _tell_development, ("search", "training")),
    Item("2(b)", "design: logic, choices, what is optimised for, expected output", _tell_design, ("model", "features")),
    Item("2(c)", "architecture and computing resources", _tell_resources, ("search", "model")),
    Item("2(d)", "data: origin, selection, labelling, cleaning", _tell_data, ("training",)),
    Item(
        "2(e)", "human oversight measures needed (Article 14)", lambda card: card["oversight"]["people"], ("oversight",)
    ),
    Item("2(f)", "changes determined in advance", lambda card: " ".join(card["changes"]["planned"]), ("changes",)),
    Item("2(g)", "validation and testing, metrics, groups", _tell_validation, ("evaluation", "slices", "gate")),
    Item("2(h)", "cybersecurity measures", lambda card: " ".join(card["security"]), ("model",)),
    Item("3", "capabilities and accuracy, also for groups of persons", _tell_capabilities, ("evaluation", "slices")),
    Item("3", "foreseeable unintended outcomes and limits", lambda card: card["limits"], ("limits",)),
    Item("3", "sources of risks to health, safety and fundamental rights", lambda card: card["risks"], ("limits",)),
    Item(
        "3",
        "specifications of the input data",
        lambda card: f"{len(card['features'])} features, defined below; every batch is validated.",
        ("features", "monitoring"),
    ),
    Item("4", "why the metrics are appropriate", _tell_metric, ("evaluation",)),
    Item("5", "the risk management system", lambda card: card["risks"], ("limits",)),
    Item(
        "6",
        "changes made by the provider",
        _tell_changes,
        ("changes",),
    ),
    Item("7", "standards applied, or what was done instead", lambda card: card["standards"], ("limits",)),
    Item("8", "a copy of the declaration", _unknown),
    Item(
        "9",
        "how performance is evaluated; the monitoring plan",
        lambda card: " ".join(card["monitoring"]),
        ("monitoring",),
    ),
)


def answer_annex_iv(card: Card) -> list[dict[str, Any]]:
    """The points with their items, from the rest of the model card."""
    return [
        {
            "point": point,
            "title": title,
            "items": [
                {"item": item.item, "asks": item.asks, "answer": item.answer(card), "sections": list(item.sections)}
                for item in ITEMS
                if item.item[0] == point
            ],
        }
        for point, title in POINTS.items()
    ]
