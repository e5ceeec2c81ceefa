"""The survey that every program is timed on: seeded, 1000 strata, 25 scores, margins of 2, 6, 17 and 8 levels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

SCORES = [f"score{j}" for j in range(1, 26)]
NUMBERS = SCORES[:10]
MARGINS = {"sex": 2, "age": 6, "province": 17, "position": 8}
N_STRATA, N_DOMAINS = 1000, 10


def sample(n: int, seed: int = 1) -> pd.DataFrame:
    """One row per person; codes are whole numbers from 0."""
    rng = np.random.default_rng(seed)
    stratum = np.sort(np.concatenate([np.repeat(np.arange(N_STRATA), 2), rng.integers(0, N_STRATA, n - 2 * N_STRATA)]))
    counts = np.bincount(stratum)[stratum]
    data = {"id": np.arange(n), "stratum": stratum, "domain": rng.integers(0, N_DOMAINS, n)}
    data |= {name: rng.integers(0, levels, n) for name, levels in MARGINS.items()}
    weight = rng.uniform(2, 20, n)
    level = rng.normal(0, 5, N_STRATA)[stratum] + 2.0 * data["sex"]
    scores = {name: 60 + level + rng.normal(0, 15, n) for name in SCORES}
    chance = 1 / (1 + np.exp(-(0.3 * data["sex"] - 0.1 * data["age"] + (scores["score1"] - 60) / 40)))
    answered = (rng.random(n) < chance).astype(int)
    return pd.DataFrame({**data, "pop_size": counts * 10, "weight": weight, "answered": answered, **scores})


def totals(df: pd.DataFrame, seed: int = 2) -> dict[str, Any]:
    """Population totals that the sample misses by a few per cent: margins, then numbers."""
    rng = np.random.default_rng(seed)
    people, wanted = float(df["weight"].sum()), {}
    for name, levels in MARGINS.items():
        off = np.bincount(df[name], df["weight"], levels) * rng.uniform(0.95, 1.05, levels)
        wanted[name] = {str(level): float(value) for level, value in enumerate(off / off.sum() * people)}
    numbers = {name: float(df["weight"] @ df[name] * rng.uniform(0.998, 1.002)) for name in NUMBERS}
    return {"(intercept)": people, **wanted, **numbers}


def write(folder: Path, n: int) -> None:
    """The same numbers for everybody: Parquet, and plain doubles column by column for R."""
    df = sample(n)
    df.to_parquet(folder / f"{n}.parquet")
    (folder / f"{n}.json").write_text(json.dumps(totals(df)))
    with open(folder / f"{n}.doubles", "wb") as out:
        for name in df:
            out.write(df[name].to_numpy(dtype="<f8").tobytes())
    (folder / f"{n}.columns").write_text("\n".join(df.columns) + "\n")
    rows = [(name, level, v) for name, part in totals(df).items() for level, v in _levels(part)]
    pd.DataFrame(rows, columns=["name", "level", "total"]).to_csv(folder / f"{n}.totals.csv", index=False)


def read(folder: Path, n: int) -> tuple[pd.DataFrame, dict[str, Any]]:
    return pd.read_parquet(folder / f"{n}.parquet"), json.loads((folder / f"{n}.json").read_text())


def _levels(part: float | dict[str, float]) -> list[tuple[str, float]]:
    return list(part.items()) if isinstance(part, dict) else [("", part)]
