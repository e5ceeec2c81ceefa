"""Partial R-indicators: the part of one variable, and of each of its groups, in the variation of propensities."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_analysis.errors import WeightingError
from spi_analysis.weighting.groups import Groups
from spi_analysis.weighting.response.design import combined_codes, first_rows
from spi_analysis.weighting.response.sample import Sample
from spi_analysis.weighting.response.variation import NO_VARIANCE, Variation, model_variance


def categories_of(people: pd.DataFrame, name: str, others: list[str], model: Variation, sample: Sample) -> pd.DataFrame:
    """Partial indicators of every group of a variable (see ``RIndicator``).

    ``others``: the variables of the model without this one.
    """
    codes, found = pd.factorize(people[name], sort=True)
    if (codes < 0).any():
        raise WeightingError("a value is missing", column=name, row=int((codes < 0).argmax()) + 1)
    between, between_se = _between(codes, len(found), model, sample)
    within, within_se = _within(codes, len(found), [pd.factorize(people[other])[0] for other in others], model, sample)
    return pd.DataFrame(
        {
            "variable": name,
            "category": [str(value) for value in found],
            "n": np.bincount(codes),
            "unconditional": between,
            "unconditional_se": between_se,
            "conditional": within,
            "conditional_se": within_se,
        }
    )


def _between(codes: np.ndarray, many: int, model: Variation, sample: Sample) -> tuple[np.ndarray, np.ndarray]:
    """Signed share of S between groups (many,), and its standard error."""
    size, share = sample.size, model.propensity
    sizes = np.bincount(codes, sample.weights)
    distance = np.bincount(codes, sample.weights * share) / sizes - model.mean
    errors = np.empty(many)
    for c in range(many):
        mine, rest = (sample.total_variance(share * part) for part in (codes == c, codes != c))
        errors[c] = np.sqrt(sizes[c] / size * (mine * (1 / sizes[c] - 1 / size) ** 2 + rest / size**2))
    return np.sign(distance) * np.sqrt(sizes / size) * np.abs(distance), errors


def _within(
    codes: np.ndarray, many: int, others: list[np.ndarray], model: Variation, sample: Sample
) -> tuple[np.ndarray, np.ndarray]:
    """Share of S within people alike in ``others``, by group (many,), and its standard error."""
    row_of = np.arange(len(codes)) if model.design.cells is None else model.design.cells
    # People of one row of the design may differ in a variable that is not in the model.
    cells = combined_codes([row_of, codes])
    first = first_rows(cells)
    weights = np.bincount(cells, sample.weights)
    alike = combined_codes([np.zeros(len(codes)), *others])[first]
    groups = Groups(alike, [""] * (int(alike.max()) + 1))
    sizes = groups.sums(weights[:, None])

    def centred(values: np.ndarray) -> np.ndarray:
        values = values[row_of[first]]
        return values - groups.spread(groups.sums(weights[:, None] * values) / sizes)

    share, z, category = centred(model.share[:, None])[:, 0], centred(model.gradients()), codes[first]
    squares, size = share**2, sample.size
    value, errors = np.empty(many), np.full(many, np.nan)
    for c in range(many):
        mine = category == c
        weighted = z[mine] * weights[mine, None]
        part = float(weights[mine] @ squares[mine])
        value[c] = np.sqrt(part / size)
        if part > NO_VARIANCE:
            of_model = model_variance(share[mine] @ weighted, z[mine].T @ weighted, model.covariance)
            drawn = sample.total_variance((squares * mine)[cells])
            errors[c] = np.sqrt(0.25 * (of_model + drawn) / (size * part))
    return value, errors
