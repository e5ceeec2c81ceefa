"""How likely each person is to answer, from what the lists show and, if asked for, from the answer itself.

logit(p) = intercept + source + unit + position + sex + age (+ own standardised score)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import pandas as pd

from spi_analysis.params import ListKind, Source
from spi_analysis.synthetic.answers import MIDDLE_AGE, UnitEffects
from spi_analysis.synthetic.randomness import solve_increasing

ResponseModel = Literal["at_random", "depends_on_answer"]

USERS = -0.4  # users answer less than employees
UNIT_SD = 0.6
POSITIONS = {"top_official": 0.3, "structural": 0.35, "functional": 0.1, "staff": -0.1, "non_asn": -0.35}
FEMALE = 0.1
PER_DECADE = -0.06
OWN_SCORE = 0.5  # log-odds per standard deviation of the person's own score
EXPERTS = 0.95


def response_propensity(
    people: pd.DataFrame,
    kinds: Mapping[Source, ListKind],
    ages: np.ndarray,
    units: dict[Source, UnitEffects],
    score: np.ndarray,
    model: ResponseModel,
    rate: float,
) -> pd.Series:
    """Response probabilities; their mean over the eligible employees and users is ``rate``."""
    source = people["source"].to_numpy()
    kind = people["source"].map(dict(kinds)).to_numpy(dtype=object)
    logit = np.where(kind == "external", USERS, 0.0) + _listed_part(people, ages)
    for name, effects in units.items():
        rows = source == name
        logit[rows] += UNIT_SD * people["unit"][rows].map(effects.response).to_numpy(dtype=float)
        if model == "depends_on_answer":
            logit[rows] += OWN_SCORE * (score[rows] - score[rows].mean()) / max(score[rows].std(), 1e-9)
    counted = logit[people["is_eligible"].to_numpy() & (kind != "expert")]
    intercept = solve_increasing(lambda shift: float(_probability(counted + shift).mean()), rate, -30.0, 30.0)
    return pd.Series(np.where(kind == "expert", EXPERTS, _probability(logit + intercept)), index=people.index)


def _listed_part(people: pd.DataFrame, ages: np.ndarray) -> np.ndarray:
    position = people["position_class"].map(POSITIONS).fillna(0).to_numpy(dtype=float)
    female = (people["sex"] == "female").to_numpy()
    return position + FEMALE * female + PER_DECADE * (ages - MIDDLE_AGE) / 10


def _probability(logit: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logit))
