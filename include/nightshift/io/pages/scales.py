"""Values -> coordinates of an SVG. Charts say what is where with these; the templates only draw."""

import math
from collections.abc import Callable, Iterable
from typing import Any

Scale = Callable[[float], float]
Record = dict[str, Any]


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


def mark_ticks(low: float, high: float, scale: Scale, count: int = 5) -> list[Record]:
    """Where `choose_ticks` stand on a scale, and their text."""
    return [{"at": scale(tick), "text": f"{tick:.6g}"} for tick in choose_ticks(low, high, count)]


def place(scale: Scale, value: float | None) -> float | None:
    """Where the value is; None for one that is not known."""
    return None if value is None else scale(value)
