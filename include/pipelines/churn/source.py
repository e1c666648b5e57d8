"""Simulated subscribers: made up from a seed, night by night. No real person is in it."""

from datetime import date

import numpy as np
import pandas as pd

PLANS, REGIONS, PAYMENTS = ["basic", "plus", "family"], ["north", "east", "south", "west"], ["card", "debit", "invoice"]


def read_subscribers(partition: date, scenario: str, subscribers: int, seed: int) -> pd.DataFrame:
    """One row per subscriber who is up for renewal that day; the same arguments give the same rows."""
    generator = np.random.default_rng([seed, partition.toordinal()])
    rows = draw_subscribers(generator, partition, subscribers, shifted=scenario == "drift")
    chance = churn_chance(rows, changed=scenario == "drift")
    rows["churned"] = (generator.random(subscribers) < chance).astype(int)
    rows = add_everyday_dirt(rows, generator)
    return break_batch(rows) if scenario == "bad_batch" else rows


def draw_subscribers(generator: np.random.Generator, partition: date, count: int, shifted: bool) -> pd.DataFrame:
    """The inputs; in a shifted world prices are up, usage is down and fewer people pay by card."""
    plan = generator.choice(PLANS, count, p=[0.5, 0.35, 0.15])
    base = pd.Series(plan).map({"basic": 25.0, "plus": 45.0, "family": 70.0}).to_numpy()
    charge = base * generator.normal(1.25 if shifted else 1.0, 0.12, count).clip(0.5, 2.0)
    usage = generator.gamma(2.0, 11.0 if shifted else 20.0, count) + 1.0
    payment = generator.choice(PAYMENTS, count, p=[0.35, 0.35, 0.3] if shifted else [0.6, 0.3, 0.1])
    return pd.DataFrame(
        {
            "subscriber_id": partition.toordinal() * 100_000 + np.arange(count),
            "plan": plan,
            "region": generator.choice(REGIONS, count),
            "payment": payment,
            "tenure_months": generator.gamma(1.6, 16.0, count).astype(int),
            "monthly_charge": charge.round(2),
            "usage_gb": usage.round(1),
            "support_calls": generator.poisson(0.9, count),
            "late_payments": generator.poisson(0.4, count),
        }
    )


def churn_chance(rows: pd.DataFrame, changed: bool) -> np.ndarray:
    """What makes people leave. In the changed world price matters most, and long-standing subscribers leave too."""
    tenure, calls = rows["tenure_months"].to_numpy(), rows["support_calls"].to_numpy()
    charge, late = rows["monthly_charge"].to_numpy(), rows["late_payments"].to_numpy()
    invoice = (rows["payment"] == "invoice").to_numpy()
    if changed:
        score = -2.6 + 0.012 * tenure + 0.15 * calls + 0.045 * (charge - 45) + 0.2 * late + 0.9 * invoice
    else:
        score = -0.7 - 0.05 * tenure + 0.65 * calls + 0.012 * (charge - 40) + 0.5 * late + 0.3 * invoice
    chance: np.ndarray = 1 / (1 + np.exp(-score))
    return chance


def add_everyday_dirt(rows: pd.DataFrame, generator: np.random.Generator) -> pd.DataFrame:
    """A handful of bad rows a night, as real files have them: they belong into quarantine."""
    rows = rows.copy()
    bad = generator.choice(len(rows), size=min(9, len(rows)), replace=False)
    rows.loc[bad[:4], "monthly_charge"] = -1.0
    rows.loc[bad[4:7], "plan"] = "unknown"
    rows.loc[bad[7:], "tenure_months"] = 9999
    return rows


def break_batch(rows: pd.DataFrame) -> pd.DataFrame:
    """A broken export: charges in cents, and the usage of most subscribers lost."""
    rows = rows.copy()
    rows["monthly_charge"] = rows["monthly_charge"] * 100
    rows.loc[rows.index % 10 != 0, "usage_gb"] = np.nan
    return rows
