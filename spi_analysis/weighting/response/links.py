"""Links of a response model: from a linear predictor to a propensity, and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

from spi_analysis.errors import WeightingError, nearest

EPS = float(np.finfo(float).eps)


@dataclass(frozen=True)
class Link:
    """``at``: propensity, inside (0, 1), and its derivative at a linear predictor; ``predictor``: the way back."""

    at: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
    predictor: Callable[[np.ndarray], np.ndarray]


def _logit(eta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    share = special.expit(eta)
    return _inside(share), np.maximum(share * (1 - share), EPS)


def _probit(eta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return _inside(special.ndtr(eta)), np.maximum(np.exp(-eta * eta / 2) / np.sqrt(2 * np.pi), EPS)


def _cloglog(eta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    hazard = np.exp(np.minimum(eta, 700.0))
    return _inside(-np.expm1(-hazard)), np.maximum(hazard * np.exp(-hazard), EPS)


def _inside(share: np.ndarray) -> np.ndarray:
    return np.clip(share, EPS, 1 - EPS)


LINKS = {
    "logit": Link(_logit, special.logit),
    "probit": Link(_probit, special.ndtri),
    "cloglog": Link(_cloglog, lambda share: np.log(-np.log1p(-share))),
}


def link_of(name: str) -> Link:
    """The link by its name."""
    if name not in LINKS:
        raise WeightingError("a link is not known", got=name, expected=", ".join(LINKS), hint=nearest(name, LINKS))
    return LINKS[name]
