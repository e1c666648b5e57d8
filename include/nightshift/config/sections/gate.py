"""The section `gate` of pipeline.yaml: when a candidate may take over."""

from typing import Literal

from pydantic import Field

from nightshift.config.choices import MetricName
from nightshift.config.model import Model
from nightshift.config.names import ColumnName

Policy = Literal["non_inferior", "superior"]
Approval = Literal["never", "on_unclear", "required"]


class Slices(Model):
    """Groups of held-out rows in which the candidate must not be worse than the champion."""

    columns: tuple[ColumnName, ...] = Field(
        (), description="Features to slice by: each category, or each quarter of a number's range."
    )
    find_weak: bool = Field(True, description="Also look for groups in which the candidate does worse.")
    min_rows: int = Field(200, ge=20, description="Smaller slices are not evaluated.")
    margin: float | None = Field(
        None, gt=0, description="Allowed loss within a slice, in the metric's unit. Empty: twice the champion's margin."
    )


class Serving(Model):
    """What scoring 1,000 rows in a process of its own may cost."""

    seconds: float = Field(2.0, gt=0, description="At most this many seconds for 1,000 rows.")
    megabytes: int = Field(1024, ge=16, description="At most this much memory on top of what the libraries need.")


class Gate(Model):
    """When a candidate may take over. Everything is measured on the held-out rows, for champion and candidate alike."""

    floor: float = Field(description="`training.metric` must be at least this good (at most, for an error).")
    floors: dict[MetricName, float] = Field(default_factory=dict, description="Floors of further metrics.")
    baseline_margin: float = Field(0.0, ge=0, description="Better than the naive baseline by at least this.")
    policy: Policy = Field(
        "non_inferior",
        description="`non_inferior`: provably not worse than the champion by more than the margin; "
        "`superior`: provably better.",
    )
    champion_margin: float | None = Field(
        None,
        ge=0,
        description="The margin of `non_inferior`, in the metric's unit. "
        "Empty: a twentieth of the champion's own gain over the naive baseline.",
    )
    confidence: float = Field(0.95, gt=0.5, lt=1, description="Confidence of the two-sided intervals that decide.")
    resamples: int = Field(
        1000,
        ge=200,
        le=100_000,
        description="Resamples of the paired bootstrap; the baseline and slices get a fifth of them.",
    )
    resample: Literal["auto", "rows", "partitions"] = Field(
        "auto",
        description="What is drawn. `auto`: rows, and intervals are wider as far as the rows of a day turn out to be "
        "alike; needs five held-out days. `rows`: what rows of a day have in common is ignored. `partitions`: whole "
        "days; needs ten.",
    )
    # Of 100 noise models at most one was promoted on 49 rows of 7 days, and up to six on 21: the intervals of the other
    # rules already say what so few rows can't.
    min_rows: int = Field(50, ge=1, description="With fewer held-out rows the champion is kept.")
    slices: Slices = Slices()
    calibration_error: float | None = Field(
        0.15, gt=0, le=1, description="Classification: expected calibration error at most this, or the champion's own."
    )
    train_gap: float | None = Field(
        None,
        gt=0,
        description="At most this much better on the fitted rows than on the held-out ones, in the metric's unit.",
    )
    leak_limit: float | None = Field(
        0.995,
        gt=0.5,
        le=1,
        description="ROC AUC or R² from which a single feature, or the whole model, is suspected to leak the outcome.",
    )
    serving: Serving = Serving()
    approval: Approval = Field(
        "never",
        description="Whether a person decides: before every promotion, only where the comparison is unclear, or never.",
    )
    approval_hours: float = Field(
        24.0, gt=0, le=24 * 90, description="Hours after which the champion is kept if no one has answered."
    )
    keep_challenger: bool = Field(
        False,
        description="A candidate that fails only against the champion becomes the challenger: it is scored in shadow.",
    )
