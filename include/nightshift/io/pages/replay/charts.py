"""Where things are in the pictures of a replay. All of them share one axis: the nights."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from itertools import groupby

from nightshift.config.days import list_days
from nightshift.io.pages.replay.labels import list_policies
from nightshift.io.pages.scales import Record, Scale, find_range, make_scale, mark_ticks

WIDTH, LEFT, RIGHT = 760, 92, 744
# Single nights are noisy: the line is the mean of so many.
SMOOTHED = 14
TOP, BOTTOM, RAIL = 44, 268, 18


def lay_out_metric(report: Record) -> Record:
    """Per policy a line of `SMOOTHED` nights' means, the nights as dots, and its trainings on a rail below."""
    policies = [{**one, "values": [night["metric"] for night in one["nights"]]} for one in list_policies(report)]
    low, high = find_frame([one["values"] for one in policies])
    across, up = scale_nights(report), make_scale(low, high, BOTTOM, TOP)
    curves = []
    for number, one in enumerate(policies):
        xs = [across(_ordinal(night)) for night in one["nights"]]
        rail = BOTTOM + 40 + number * RAIL
        curve = {"policy": one["policy"], "number": number % 4, "x": LEFT + number * 160, "rail": rail}
        curve["segments"] = join_known(xs, smooth(one["values"]), up)
        curve["dots"] = [(x, up(value)) for x, value in zip(xs, one["values"], strict=True) if value is not None]
        curve["marks"] = [_mark(x, night) for x, night in zip(xs, one["nights"], strict=True) if night["trained"]]
        curves.append(curve)
    known = [value for value in policies[0]["values"] if value is not None]
    return {
        **_frame(report, across),
        "height": BOTTOM + 34 + len(policies) * RAIL,
        "ticks": mark_ticks(low, high, up),
        "curves": curves,
        "outside": sum(not low <= value <= high for value in known),
        "empty": not any(curve["dots"] for curve in curves),
    }


def _mark(x: float, night: Record) -> Record:
    trained = night["trained"]
    if trained["version"] is None:
        kind, told = "failed", f"no version: {trained['decision']}"
    else:
        kind = "promoted" if trained["promoted"] else "kept"
        told = f"version {trained['version']}, {'promoted' if trained['promoted'] else 'not promoted'}"
    return {"x": x, "kind": kind, "text": f"{night['date']}: {told}", "version": trained["version"]}


def lay_out_drift(report: Record) -> Record | None:
    """Two panels, what share of the importance moved and how far the score did, each with its limit.

    None where neither was ever measured.
    """
    limits, across = report["config"]["drift"], scale_nights(report)
    xs = [across(_ordinal(night)) for night in report["nights"]]
    wanted = (
        ("share of the importance that moved", "drift_share", limits.get("share_limit")),
        ("distance of the predictions", "prediction_score", limits.get("column_limit")),
    )
    panels = [
        _lay_out_panel(name, 26 + number * 128, xs, [night[key] for night in report["nights"]], limit)
        for number, (name, key, limit) in enumerate(wanted)
        if any(night[key] is not None for night in report["nights"])
    ]
    if not panels:
        return None
    return {**_frame(report, across), "panels": panels, "bottom": panels[-1]["bottom"]}


def _lay_out_panel(
    name: str, top: float, xs: Sequence[float], values: Sequence[float | None], limit: float | None
) -> Record:
    bottom = top + 88
    most = find_range([0.0, limit, *values])[1]
    up = make_scale(0.0, most, bottom, top)
    return {
        "name": name,
        "top": top,
        "bottom": bottom,
        "ticks": mark_ticks(0.0, most, up, 3),
        "segments": join_known(xs, values, up),
        "limit": None if limit is None else {"at": up(limit), "text": f"limit {limit:g}"},
        "above": [
            (x, up(value))
            for x, value in zip(xs, values, strict=True)
            if value is not None and limit is not None and value >= limit
        ],
    }


STRIP: tuple[tuple[str, str, Callable[[Record], bool]], ...] = (
    ("retrain", "mark", lambda night: night["decision"] == "retrain"),
    ("wait", "calm", lambda night: night["decision"] == "wait"),
    ("drift", "worse", lambda night: night["drifted"] is True),
    ("unknown", "unsure", lambda night: night["drifted"] is None and bool(night["drift_reason"])),
    ("problem", "worse", lambda night: bool(night["problem"])),
)


def lay_out_strip(report: Record) -> Record:
    """A row for each thing that may be true of a night, filled on the nights on which it is."""
    across, nights = scale_nights(report), report["nights"]
    width = (RIGHT - LEFT) / max(len(nights), 1)
    rows = []
    for number, (name, kind, holds) in enumerate(STRIP):
        days = [_ordinal(night) for night in nights if holds(night)]
        runs = [
            {"x": round(across(first) - width / 2, 1), "width": round((last - first + 1) * width, 1)}
            for first, last in find_runs(days)
        ]
        rows.append({"name": name, "kind": kind, "y": 4 + number * RAIL, "count": len(days), "runs": runs})
    return {**_frame(report, across), "rows": rows, "bottom": 4 + len(rows) * RAIL}


def find_runs(days: Sequence[int]) -> Iterator[tuple[int, int]]:
    """First and last of each unbroken run of rising day numbers."""
    for _, run in groupby(enumerate(days), key=lambda pair: pair[1] - pair[0]):
        found = [day for _, day in run]
        yield found[0], found[-1]


def smooth(values: Sequence[float | None], nights: int = SMOOTHED) -> list[float | None]:
    """The mean of each night and those before it, `nights` in all; None where less than half of them is known."""
    nights = min(nights, len(values))
    means: list[float | None] = []
    for end in range(1, len(values) + 1):
        known = [value for value in values[max(0, end - nights) : end] if value is not None]
        means.append(sum(known) / len(known) if 2 * len(known) >= nights else None)
    return means


def find_frame(series: Sequence[Sequence[float | None]], cut: float = 0.02) -> tuple[float, float]:
    """A range that holds all but the lowest and highest `cut` of the values: one bad night must not flatten a year."""
    known = sorted(value for values in series for value in values if value is not None)
    aside = int(len(known) * cut)
    return find_range(known[aside : len(known) - aside])


def join_known(xs: Sequence[float], values: Sequence[float | None], up: Scale) -> list[str]:
    """The points of one line for each stretch without a gap."""
    pairs = zip(xs, values, strict=True)
    stretches = (list(run) for known, run in groupby(pairs, key=lambda pair: pair[1] is not None) if known)
    return [" ".join(f"{x},{up(value)}" for x, value in run if value is not None) for run in stretches]


def scale_nights(report: Record) -> Scale:
    """Day numbers onto the width; a replay of one night stands at the left."""
    first, last = (date.fromisoformat(report[name]).toordinal() for name in ("from", "to"))
    return make_scale(first - 0.5, last + 0.5, LEFT, RIGHT)


def _frame(report: Record, across: Scale) -> Record:
    days = choose_days(date.fromisoformat(report["from"]), date.fromisoformat(report["to"]))
    dates = [{"at": across(day.toordinal()), "text": text} for day, text in days]
    return {"width": WIDTH, "left": LEFT, "right": RIGHT, "top": TOP, "bottom": BOTTOM, "dates": dates}


def choose_days(first: date, last: date, most: int = 8) -> list[tuple[date, str]]:
    """At most `most` days for the axis, with their text: firsts of months, or single days of a short stretch."""
    days = list_days(first, last)
    months = [day for day in days if day.day == 1]
    if len(months) < 3:
        return [(day, day.strftime("%m-%d")) for day in days[:: -(-len(days) // most)]]
    return [(day, day.strftime("%Y-%m")) for day in months[:: -(-len(months) // most)]]


def _ordinal(night: Record) -> int:
    return date.fromisoformat(night["date"]).toordinal()
