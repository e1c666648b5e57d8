"""The request to a person who decides about a promotion: everything that the gate knows, as Markdown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nightshift.core.gate.rule import find_figures
from nightshift.core.text.markdown import escape, make_table

# A request that nobody reads to its end helps nobody.
MAX_SLICES = 30
VERDICTS: Mapping[bool | None, str] = {True: "passed", False: "failed", None: "unclear"}


@dataclass(frozen=True)
class Described:
    """What there is to say of a version: its metrics, and the facts in which versions may differ."""

    version: int
    metrics: Mapping[str, Any]
    facts: Mapping[str, str]


def write_subject(pipeline: str, candidate: int, champion: int | None) -> str:
    """The headline."""
    instead = f" instead of version {champion}" if champion else ""
    return f"{pipeline}: may version {candidate} take over{instead}?"


def write_body(
    metric: str, judged: Mapping[str, Any], candidate: Described, champion: Described | None, closing: Sequence[str]
) -> str:
    """The evidence. `judged` are the gate's figures; `closing` is Markdown of ours, a line each."""
    rules = judged["rules"]
    parts = [
        f"**Why you are asked:** {escape(judged['reason'])}",
        _write_metrics(metric, rules, candidate),
        "#### Results of the gate's rules",
        make_table(
            ("rule", "result", "why"), [(rule["name"], VERDICTS[rule["passed"]], rule["reason"]) for rule in rules]
        ),
        *_write_slices(rules),
        *_write_differences(candidate, champion),
        *closing,
    ]
    return "\n\n".join(parts)


def _write_metrics(metric: str, rules: Sequence[Mapping[str, Any]], candidate: Described) -> str:
    """One line each: the candidate, the champion and the baseline on the same rows, and the gain with its interval."""
    champion, baseline = find_figures(rules, "champion"), find_figures(rules, "baseline")
    rows: list[tuple[str, Any, Mapping[str, Any] | None]] = [("candidate", candidate.metrics.get(metric), None)]
    if champion.get("champion") is not None:
        rows.append(("champion", champion["champion"], champion))
    rows.append(("naive baseline", candidate.metrics.get("baseline", {}).get(metric), baseline))
    lines = [(name, show_number(value), show_gain(compared or {})) for name, value, compared in rows]
    return make_table(("on the same held-out rows", escape(metric), "the candidate's gain"), lines)


def _write_slices(rules: Sequence[Mapping[str, Any]]) -> list[str]:
    """The slices of held-out rows, the worst gain first."""
    figures = find_figures(rules, "slices")
    slices = sorted(figures.get("slices") or [], key=_rank_slice)
    if not slices:
        return []
    rows = [
        (
            line["slice"],
            f"{line['rows']:,}",
            show_number(line.get("candidate")),
            show_number(line.get("champion")),
            show_gain({**line, "confidence": figures.get("confidence")}),
            ": ".join(filter(None, (line.get("verdict"), line.get("reason")))),
        )
        for line in slices[:MAX_SLICES]
    ]
    more = len(slices) - len(rows)
    table = make_table(("slice", "rows", "candidate", "champion", "the candidate's gain", "result"), rows)
    return ["#### Slices", table, *([f"… and {more} more, in `ml.gate_decisions`."] if more else [])]


def _rank_slice(line: Mapping[str, Any]) -> tuple[bool, float]:
    gain = line.get("gain")
    return gain is None, gain or 0.0


def _write_differences(candidate: Described, champion: Described | None) -> list[str]:
    """The facts side by side, where there is a champion to differ from."""
    header = ["", f"version {candidate.version} (candidate)"]
    if champion:
        header.append(f"version {champion.version} (champion)")
    others = [champion.facts] if champion else []
    rows = [(name, value, *(facts.get(name, "") for facts in others)) for name, value in candidate.facts.items()]
    return ["#### What is different" if champion else "#### What it is", make_table(header, rows)]


def show_gain(figures: Mapping[str, Any]) -> str:
    """A gain with its interval, where they are known."""
    if figures.get("gain") is None:
        return ""
    text = f"{figures['gain']:+.4f}"
    if figures.get("gain_low") is None or figures.get("gain_high") is None:
        return text
    confidence = f"{figures['confidence']:.0%} " if figures.get("confidence") else ""
    return f"{text} ({confidence}interval {figures['gain_low']:+.4f} to {figures['gain_high']:+.4f})"


def show_number(value: float | None) -> str:
    """Four digits are what a person compares."""
    return "–" if value is None else f"{value:.4g}" if abs(value) >= 10 else f"{value:.4f}"
