"""How much the propensities of a model vary, what of it is bias, and how certain it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from formulaic import SimpleFormula

from spi_analysis.errors import WeightingError
from spi_analysis.weighting.response.algebra import inverse, predictors, products, weighted_grams
from spi_analysis.weighting.response.design import Design, design_of
from spi_analysis.weighting.response.links import link_of
from spi_analysis.weighting.response.sample import Sample
from spi_analysis.weighting.response.scoring import fit_people, normal_equations

LINEAR = "linear"
# Propensities whose variance is below this are all the same.
NO_VARIANCE = 1e-20


@dataclass(frozen=True)
class Variation:
    """Propensities ``share`` and their derivatives ``slope`` (rows,) of a model, and what follows of them.

    ``covariance`` (p, p) of the coefficients; ``mean`` and ``variance`` S^2 of the propensities; ``bias_factor``: what
    the bias leaves of S^2; ``r_variance`` of R = 1 - 2 S.
    """

    design: Design
    share: np.ndarray
    slope: np.ndarray
    covariance: np.ndarray
    mean: float
    variance: float
    bias_factor: float = 0.0
    r_variance: float = np.nan

    @property
    def propensity(self) -> np.ndarray:
        """The propensity of every person (n,)."""
        return self.design.spread(self.share)

    def gradients(self) -> np.ndarray:
        """Derivative of the propensity of every row to the coefficients: (rows, p)."""
        return np.vstack([(block * self.slope[rows]).T for rows, block in self.design.blocks()])


def variation_of(
    people: pd.DataFrame,
    formula: SimpleFormula,
    answered: np.ndarray,
    weights: np.ndarray,
    link: str,
    sample: Sample,
) -> Variation:
    """The model fitted to ``answered`` with ``weights`` (n,) of mean 1, and the moments of its propensities.

    References
    ----------
    Shlomo, Skinner & Schouten (2012), Journal of Statistical Planning and Inference 142, sections 3 and 4.
    """
    design, share, slope, covariance = _fitted(design_of(people, formula), answered, weights, link)
    persons, size = design.sums(sample.weights[:, None])[:, 0], sample.size
    mean = float(persons @ share / size)
    squares = float(persons @ (share - mean) ** 2)
    variance = squares / (size - 1)
    if variance < NO_VARIANCE:
        return Variation(design, share, slope, covariance, mean, 0.0)
    p = len(design.kept)
    moments, second, quadratic = np.zeros((p, 2)), np.zeros((p, p)), 0.0
    for rows, block in design.blocks():
        z, w = block * slope[rows], persons[rows]
        moments = moments + products(z, np.column_stack([w, w * (share[rows] - mean)]))
        second = second + weighted_grams(z, w[:, None])[0]
        quadratic += float(w @ (z.T * predictors(z, covariance)).sum(axis=1))
    propensity = design.spread(share)
    bias = (quadratic - sample.total_variance(propensity) / size) / size
    first, with_share = moments.T
    a, b = with_share / size, second / size - np.outer(first, first) / size**2
    r_variance = model_variance(a, b, covariance) + sample.total_variance((propensity - mean) ** 2) / size**2
    factor = max(0.0, 1 - bias / variance)
    return Variation(design, share, slope, covariance, mean, variance, factor, float(r_variance / (squares / size)))


def model_variance(a: np.ndarray, b: np.ndarray, covariance: np.ndarray) -> float:
    """What the coefficients leave open of a variance of propensities with derivatives 2 a (p,) and 2 b (p, p)."""
    return float(4 * a @ covariance @ a + 2 * np.trace(b @ covariance @ b @ covariance))


def _fitted(
    design: Design, answered: np.ndarray, weights: np.ndarray, link: str
) -> tuple[Design, np.ndarray, np.ndarray, np.ndarray]:
    """The design without aliases, propensities and derivatives (rows,), and the covariance of the coefficients."""
    if link != LINEAR:
        design, fit = fit_people(design, answered, weights, link_of(link))
        share, slope = link_of(link).at(design.predict(fit.coefficients))
        return design, share[:, 0], slope[:, 0], inverse(fit.information[0])
    sums = (design.sums(values[:, None]) for values in (weights, weights * answered))
    design, gram, right = normal_equations(design, *sums)
    inverted = inverse(gram)
    share = design.predict(inverted @ right)[:, 0]
    freedom = len(answered) - len(design.kept)
    if freedom <= 0:
        raise WeightingError(
            "the response model has no degrees of freedom",
            got=f"{len(design.kept)} coefficients for {len(answered)} people",
            expected="more people than coefficients",
        )
    residuals = answered - design.spread(share)
    return design, share, np.ones_like(share), inverted * float(weights @ residuals**2) / freedom
