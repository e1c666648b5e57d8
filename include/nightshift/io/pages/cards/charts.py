"""Where things are in the pictures of a card."""

from collections.abc import Sequence

from nightshift.io.pages.formats import format_gain, format_number
from nightshift.io.pages.scales import Record, choose_ticks, find_range, make_scale, mark_ticks, place

LABELS, GROUP_LABELS, WIDTH, ROW = 190, 262, 720, 24


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
    ticks = mark_ticks(low, high, scale)
    return {"width": WIDTH, "height": height + 24, "bottom": height, "zero": scale(0.0), "rows": rows, "ticks": ticks}


def lay_out_metrics(metrics: Sequence[Record]) -> Record:
    """One line per metric, each on a scale of its own: the interval, and the values that it stands beside."""
    rows = []
    for number, metric in enumerate(metrics):
        names = ("value", "low", "high", "baseline", "champion", "train")
        low, high = find_range(metric[name] for name in names)
        scale = make_scale(low, high, LABELS, WIDTH - 20)
        row = {name: place(scale, metric[name]) for name in names}
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
            "low": place(up, found["observed_low"]),
            "high": place(up, found["observed_high"]),
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
            **{name: place(scale, group[name]) for name in ("value", "low", "high")},
        }
        for number, group in enumerate(known)
    ]
    height = 12 + len(rows) * ROW
    picture = {"width": WIDTH, "height": height + 24, "bottom": height, "rows": rows}
    return {
        **picture,
        **{name: place(scale, value) for name, value in lines.items()},
        "ticks": mark_ticks(low, high, scale),
    }


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
        "rows_ticks": mark_ticks(0, most, bars, 3),
        "mean_ticks": mark_ticks(*line, height, 3),
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
