"""Where things are in a picture: values -> coordinates of an SVG. The templates only draw."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from include.io.card_pages.formats import format_gain, format_number

Scale = Callable[[float], float]
Record = dict[str, Any]
LABELS, GROUP_LABELS, WIDTH, ROW = 190, 262, 720, 24


def make_scale(low: float, high: float, start: float, end: float) -> Scale:
    """Values from `low` to `high` onto `start` to `end`, to a tenth of a unit."""
    span = (high - low) or 1.0
    return lambda value: round(start + (value - low) / span * (end - start), 1)


def find_range(values: Iterable[float | None], pad: float = 0.06) -> tuple[float, float]:
    """Lowest and highest known value with some air on both sides."""
    known = [value for value in values if value is not None]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    air = (high - low) * pad or abs(high) * pad or 1.0
    return low - air, high + air


def choose_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """About `count` round values between `low` and `high`."""
    raw = (high - low) / count or 1.0
    unit = 10 ** math.floor(math.log10(raw))
    step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(number * step, 12) for number in range(first, math.floor(high / step + 1e-9) + 1)]


def _mark_ticks(low: float, high: float, scale: Scale, count: int = 5) -> list[Record]:
    return [{"at": scale(tick), "text": f"{tick:.6g}"} for tick in choose_ticks(low, high, count)]


def lay_out_importance(features: Sequence[Record], most: int = 25) -> Record | None:
    """Bars from zero with the spread around their ends; None where nothing is known."""
    known = [feature for feature in features if feature["importance"] is not None][:most]
    if not known:
        return None
    spread = [(feature["importance"], feature["spread"] or 0.0) for feature in known]
    low, high = find_range([0.0, *(mean - std for mean, std in spread), *(mean + std for mean, std in spread)], 0.03)
    scale = make_scale(low, high, LABELS, WIDTH - 70)
    rows = []
    for number, (feature, (mean, std)) in enumerate(zip(known, spread, strict=True)):
        start, end = sorted((scale(0.0), scale(mean)))
        text = format_gain(mean)
        rows.append({"name": feature["name"], "y": 8 + number * ROW, "x": start, "width": round(end - start, 1)})
        rows[-1] |= {"low": scale(mean - std), "high": scale(mean + std), "text": text}
    height = 8 + len(rows) * ROW
    ticks = _mark_ticks(low, high, scale)
    return {"width": WIDTH, "height": height + 24, "bottom": height, "zero": scale(0.0), "rows": rows, "ticks": ticks}


def lay_out_metrics(metrics: Sequence[Record]) -> Record:
    """One line per metric, each on a scale of its own: the interval, and the values that it stands beside."""
    rows = []
    for number, metric in enumerate(metrics):
        names = ("value", "low", "high", "baseline", "champion", "train")
        low, high = find_range(metric[name] for name in names)
        scale = make_scale(low, high, LABELS, WIDTH - 20)
        row = {name: _place(scale, metric[name]) for name in names}
        ends = {"left": format_number(low), "right": format_number(high)}
        rows.append({**row, **ends, "y": 22 + number * 46, "metric": metric["metric"], "better": metric["better"]})
    return {"width": WIDTH, "height": 10 + len(rows) * 46, "start": LABELS, "end": WIDTH - 20, "rows": rows}


def lay_out_reliability(calibration: Record, size: int = 380) -> Record:
    """Predicted to the right, observed upwards; the diagonal is where both agree."""
    bins = calibration["bins"]
    names = ("predicted", "observed", "observed_low", "observed_high")
    low, high = (0.0, 1.0)
    if calibration["kind"] == "values":
        low, high = find_range((found[name] for found in bins for name in names), 0.04)
    across, up = make_scale(low, high, 52, size - 12), make_scale(low, high, size - 40, 12)
    points = [
        {
            "x": across(found["predicted"]),
            "y": up(found["observed"]),
            "low": _place(up, found["observed_low"]),
            "high": _place(up, found["observed_high"]),
        }
        for found in bins
    ]
    ticks = [{"x": across(tick), "y": up(tick), "text": f"{tick:.6g}"} for tick in choose_ticks(low, high)]
    return {
        "size": size,
        "left": 52,
        "right": size - 12,
        "top": 12,
        "bottom": size - 40,
        "points": points,
        "ticks": ticks,
    }


def lay_out_gains(groups: Sequence[Record], margin: float | None, most: int = 40) -> Record | None:
    """The gain of each group with its interval, beside zero and the allowed loss; None where no gain is known."""
    allowed = None if margin is None else -margin
    found = [
        {**group, "value": group["gain"], "low": group["gain_low"], "high": group["gain_high"]} for group in groups
    ]
    return _lay_out_forest(found[:most], {"zero": 0.0, "margin": allowed})


def lay_out_values(groups: Sequence[Record], whole: float | None, most: int = 40) -> Record | None:
    """The metric of each group beside that of all rows; for the first version, which has nobody to compare with."""
    found = [{**group, "value": group["candidate"], "low": None, "high": None} for group in groups]
    return _lay_out_forest(found[:most], {"zero": whole, "margin": None})


def _lay_out_forest(groups: Sequence[Record], lines: dict[str, float | None]) -> Record | None:
    known = [group for group in groups if group["value"] is not None]
    if not known:
        return None
    values = [group[name] for group in known for name in ("value", "low", "high")]
    low, high = find_range([*lines.values(), *values])
    scale = make_scale(low, high, GROUP_LABELS, WIDTH - 20)
    rows = [
        {
            "name": group["name"],
            "y": 20 + number * ROW,
            "passed": group["passed"],
            **{name: _place(scale, group[name]) for name in ("value", "low", "high")},
        }
        for number, group in enumerate(known)
    ]
    height = 12 + len(rows) * ROW
    picture = {"width": WIDTH, "height": height + 24, "bottom": height, "rows": rows}
    return {
        **picture,
        **{name: _place(scale, value) for name, value in lines.items()},
        "ticks": _mark_ticks(low, high, scale),
    }


def _place(scale: Scale, value: float | None) -> float | None:
    return None if value is None else scale(value)


def lay_out_days(series: Sequence[Record]) -> Record:
    """Rows per day as bars above, the mean outcome as a line below; the held-out days on another ground."""
    left, right = 62, WIDTH - 12
    step = (right - left) / max(len(series), 1)
    # A stretch at the end may be shorter than the others, so bars show rows per day.
    most = max((point["rows"] / point["days"] for point in series), default=1)
    bars, line = make_scale(0, most, 108, 28), find_range((point["mean"] for point in series), 0.15)
    height = make_scale(*line, 236, 132)
    points = [
        {
            "x": round(left + (number + 0.1) * step, 1),
            "middle": round(left + (number + 0.5) * step, 1),
            "rows": bars(point["rows"] / point["days"]),
            "mean": height(point["mean"]),
            "text": point["from"],
        }
        for number, point in enumerate(series)
    ]
    held_out = next((round(left + number * step, 1) for number, point in enumerate(series) if point["held_out"]), None)
    picture: Record = {"width": WIDTH, "height": 262, "left": left, "right": right, "step": round(step * 0.8, 2)}
    return {
        **picture,
        "points": points,
        "held_out": held_out,
        "rows_ticks": _mark_ticks(0, most, bars, 3),
        "mean_ticks": _mark_ticks(*line, height, 3),
        "dates": points[:: max(1, -(-len(points) // 6))],
    }


def draw_histogram(counts: Sequence[int], width: int = 120, height: int = 28) -> str:
    """The path of a small filled histogram."""
    most, step = max(counts) or 1, width / len(counts)
    tops = [
        (round(number * step, 1), round(height - count / most * (height - 2), 1)) for number, count in enumerate(counts)
    ]
    steps = "".join(f"V{top}H{round(x + step, 1)}" for x, top in tops)
    return f"M0 {height}{steps}V{height}Z"
