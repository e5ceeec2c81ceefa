"""Generated service users and experts."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_analysis.synthetic.times import YEAR

EXPERT_GROUPS = ("auditor", "ombudsman", "journalist", "academic", "ngo", "business", "retired_official")
FEMALE_USERS = 0.5
FEMALE_EXPERTS = 0.3
SERVED_LONG_AGO = 0.05


def make_users(
    units: tuple[tuple[str, float, tuple[str, ...]], ...], n: int, at: np.datetime64, rng: np.random.Generator
) -> pd.DataFrame:
    """``n`` users of the services, unit by unit; nobody within three weeks of the twelve-month limit."""
    weights = np.array([weight for _, weight, _ in units]) * rng.lognormal(0, 0.25, len(units))
    unit = np.repeat(np.arange(len(units)), rng.multinomial(n, weights / weights.sum()))
    age = np.clip(18 + rng.gamma(3.2, 6.5, n), 18, 78)
    recent, old = rng.uniform(15, 340, n), rng.uniform(390, 600, n)
    days = np.round(np.where(rng.random(n) < SERVED_LONG_AGO, old, recent))
    return pd.DataFrame(
        {
            "unit": np.array([name for name, _, _ in units], dtype=object)[unit],
            "service": _services([services for _, _, services in units], unit, rng),
            "service_date": at - days.astype("timedelta64[D]"),
            "sex": np.where(rng.random(n) < FEMALE_USERS, "female", "male"),
            "birth_date": at - np.round(age * YEAR).astype("timedelta64[D]"),
        }
    )


def make_panel(n: int, at: np.datetime64, rng: np.random.Generator) -> pd.DataFrame:
    """``n`` nominated experts; the groups take turns."""
    groups = np.array(EXPERT_GROUPS, dtype=object)
    return pd.DataFrame(
        {
            "expert_group": groups[(np.arange(n) + rng.integers(0, groups.size)) % groups.size],
            "sex": np.where(rng.random(n) < FEMALE_EXPERTS, "female", "male"),
            "birth_date": at - np.round(rng.uniform(32, 68, n) * YEAR).astype("timedelta64[D]"),
        }
    )


def _services(services: list[tuple[str, ...]], unit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    width = max(len(names) for names in services)
    table = np.array([[*names, *[None] * (width - len(names))] for names in services], dtype=object)
    counts = np.array([len(names) for names in services])
    return table[unit, (rng.random(unit.size) * counts[unit]).astype(int)]
