"""What happens in the demo, night by night. The dates are fixed, so every demo tells the same story."""

from datetime import date, timedelta

PIPELINE = "churn"
FIRST_NIGHT = date(2026, 3, 1)


def _nights(first: int, last: int) -> tuple[date, ...]:
    return tuple(FIRST_NIGHT + timedelta(days=number - 1) for number in range(first, last + 1))


LEARNING_NIGHTS = _nights(1, 5)
CALM_NIGHTS = _nights(6, 7)
BAD_NIGHT = _nights(8, 8)[0]
DRIFT_NIGHTS = _nights(9, 12)
FINAL_NIGHTS = _nights(13, 14)
ALL_NIGHTS = _nights(1, 14)
SCORED_NIGHTS = (*CALM_NIGHTS, *DRIFT_NIGHTS, *FINAL_NIGHTS)
