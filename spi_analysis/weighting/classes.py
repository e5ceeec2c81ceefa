"""Classes of similar people, and replicates that resample who answered inside them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_analysis.sampling.strata import cell_labels, known_levels, merge_thin_cells
from spi_analysis.weighting.inputs import require_columns, weights_of
from spi_analysis.weighting.replicate_weights import ReplicateWeights
from spi_analysis.weighting.replicates import bootstrap_replicates
from spi_analysis.weighting.statuses import INELIGIBLE, RESPONDENT, classify


def weighting_classes(
    sample: pd.DataFrame, by: list[str], status: str = "disposition", min_respondents: int = 1
) -> pd.DataFrame:
    """Classes of ``by`` in which at least ``min_respondents`` answered; thin ones are merged.

    Returns
    -------
    DataFrame (n, [nr_class, merged]), index of ``sample``: class label, and whether the cell was merged.
    The rule of merging is that of ``merge_thin_cells``.
    """
    require_columns(sample, [*by, status])
    answered = pd.Series((classify(sample[status]) == RESPONDENT).astype(float), index=sample.index)
    labels = cell_labels(sample, by)
    first = sample[by][~labels.duplicated()].apply(known_levels)
    cells = first.assign(respondents=answered.groupby(labels).sum().reindex(labels[first.index]).to_numpy())
    merged = merge_thin_cells(cells, by, "respondents", min_respondents).set_index("cell")
    return pd.DataFrame(
        {"nr_class": labels.map(merged["group"]), "merged": labels.map(merged["merged"])}, index=sample.index
    )


def two_phase_replicates(
    sample: pd.DataFrame,
    by: str,
    n_replicates: int,
    seed: int,
    *,
    weight: str = "base_weight",
    status: str = "disposition",
) -> ReplicateWeights:
    """Bootstrap of a sample with nonresponse, whose recipe then repeats every step.

    Given its class, whether somebody answers is the second random phase: inside each class those
    found (respondents and known ineligible) are resampled as a simple random sample of the class,
    with f = respondents/N of the class and Rao and Wu's factor, which is unbiased however few
    they are. Everybody else keeps the base weight, which the recipe hands on.

    Parameters
    ----------
    sample : DataFrame (n, ...)   one row per sampled person
    by : str                      column of nonresponse classes (see ``weighting_classes``)
    n_replicates, seed, weight, status   as in ``bootstrap_replicates`` and ``apply_recipe``

    Returns
    -------
    ReplicateWeights, values (n, n_replicates) of the base weight, scale 1/R.

    References
    ----------
    Rao & Wu (1988), JASA 83; Sarndal, Swensson & Wretman (1992), section 15.6 (response homogeneity groups).
    """
    require_columns(sample, [by, weight, status])
    found = np.isin(classify(sample[status]), (RESPONDENT, INELIGIBLE))
    fraction = observed_fraction(sample, by, weight, status)
    people = sample[[weight, by]][found].assign(observed_fraction=fraction[found])
    drawn = bootstrap_replicates(
        people, weight, stratum=by, fraction="observed_fraction", n_replicates=n_replicates, seed=seed
    )
    values = np.repeat(weights_of(sample, weight)[:, None], n_replicates, axis=1)
    values[found] = drawn.values
    return ReplicateWeights(values, drawn.scale, drawn.rscales, drawn.method)


def observed_fraction(
    sample: pd.DataFrame, by: str, weight: str = "base_weight", status: str = "disposition"
) -> pd.Series:
    """Share of the population that was observed, per class: respondents / sum of base weights.

    The finite population correction of a sample with nonresponse: response is a second
    random phase without a correction of its own, so f is respondents/N, not n/N.

    Returns
    -------
    Series (n,), name ``observed_fraction``, in [0, 1].
    """
    require_columns(sample, [by, weight, status])
    respondents = pd.Series((classify(sample[status]) == RESPONDENT).astype(float), index=sample.index)
    people = sample[weight].groupby(sample[by]).transform("sum")
    return (respondents.groupby(sample[by]).transform("sum") / people).clip(upper=1.0).rename("observed_fraction")
