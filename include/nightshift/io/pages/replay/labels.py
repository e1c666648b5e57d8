"""What a replay's report says in words and in its table of policies."""

from collections.abc import Iterator, Mapping
from typing import Any

from nightshift.io.pages.formats import UNKNOWN, format_number, format_share

Record = dict[str, Any]
LOOKS = {True: ("drifted", "bad"), False: ("no", "good"), None: (UNKNOWN, "quiet")}


def list_policies(report: Record) -> list[Record]:
    """Every policy's `policy`, `summary` and `nights`, the reported one first."""
    return [report, *report["compared"]]


def tell_verdict(report: Record) -> list[str]:
    """The outcome in one to three sentences."""
    total = report["summary"]
    reached = (
        f"{report['metric']} {format_number(total['pooled'])} over {_count(total['scored_rows'], 'row')} together, "
        f"{format_number(total['mean_of_days'])} as the mean of the days"
    )
    nights = _count(total["nights"], "day")
    if not total["trainings"]:
        return [
            *_tell_refused(report),
            f"{report['policy']} did not retrain in {nights}: {reached}.",
            *_tell_gain(report),
        ]
    trainings = f"retrained {_count(total['trainings'], 'time')} in {nights}"
    took_over = f"{format_number(total['promotions'])} of these models took over"
    return [*_tell_refused(report), f"{report['policy']} {trainings}, and {took_over}: {reached}.", *_tell_gain(report)]


def _tell_refused(report: Record) -> list[str]:
    refused = report["first_refused"].rstrip(".")
    return [f"The gate refused the first model, which starts here all the same: {refused}."] if refused else []


def _tell_gain(report: Record) -> list[str]:
    """How much of what retraining every night gains, for which share of its trainings."""
    known = {one["policy"]: one["summary"] for one in list_policies(report)}
    ends = [known.get(name, {}).get("metric") for name in ("never", "always")]
    if None in ends:
        return []
    never, always = (format_number(value) for value in ends)
    reached = f"By {report['compared_by']}, without retraining {never}, retraining every day {always}"
    if report["recovered"] is None:
        return [f"{reached}: it gains nothing here, so every training that is not made is saved."]
    if report["policy"] in ("never", "always"):
        return [f"{reached}."]
    most = known["always"]["trainings"]
    share = f" with {format_share(report['summary']['trainings'] / most)} of its trainings" if most else ""
    return [f"{reached}: {report['policy']} has {format_share(report['recovered'])} of that gain{share}."]


def list_rows(report: Record) -> list[Record]:
    """The table of policies: each one's summary, with its own share of what `always` gains over `never`."""
    policies = list_policies(report)
    known = {one["policy"]: one["summary"]["metric"] for one in policies}
    never, always = known.get("never"), known.get("always")
    return [
        {
            "policy": one["policy"],
            **one["summary"],
            "recovered": share_gain(one["summary"]["metric"], never, always, report["higher_is_better"]),
        }
        for one in policies
    ]


def share_gain(value: float | None, never: float | None, always: float | None, higher_is_better: bool) -> float | None:
    """The part of what `always` gains over `never` that `value` has; None where it gains nothing or one is unknown."""
    if value is None or never is None or always is None:
        return None
    sign = 1 if higher_is_better else -1
    gained = sign * (always - never)
    return sign * (value - never) / gained if gained > 0 else None


def list_trainings(report: Record) -> list[Record]:
    """The nights of the reported policy on which it trained."""
    return [night for night in report["nights"] if night["trained"]]


def list_limits(section: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """A section of pipeline.yaml as pairs, those within others under their dotted names."""
    for name, value in section.items():
        if isinstance(value, Mapping):
            yield from list_limits(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def format_seconds(seconds: float | None) -> str:
    """A duration in the two units that matter."""
    if seconds is None:
        return UNKNOWN
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _count(number: int, thing: str) -> str:
    return f"{format_number(number)} {thing}{'' if number == 1 else 's'}"
