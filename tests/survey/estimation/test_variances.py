"""The variance of a variable in the population."""

import numpy as np
import pandas as pd
import pytest

from spi_analysis.survey.estimation import ReplicateDesign, SurveyDesign, estimate_variance
from spi_analysis.survey.weighting import jackknife_replicates


def test_equal_weights_give_the_sample_variance_in_every_domain() -> None:
    data = pd.DataFrame({"w": 5.0, "y": [1.0, 2, 6, 4, 4, 7, np.nan], "d": list("aaabbbb")})
    table = estimate_variance(SurveyDesign(data, "w"), "y", by="d").table
    assert table["estimate"].tolist() == pytest.approx([np.var([1, 2, 6], ddof=1), np.var([4, 4, 7], ddof=1)])
    assert table["n"].tolist() == [3, 3]


def test_one_person_has_no_variance() -> None:
    data = pd.DataFrame({"w": 1.0, "y": [1.0, 2, 6], "d": list("aab")})
    assert np.isnan(estimate_variance(SurveyDesign(data, "w"), "y", by="d").table["estimate"].iloc[1])


def test_every_replicate_has_its_own_mean() -> None:
    """Leaving one out: variances of the pairs left, times 3/2 for the n of the full sample (as in R)."""
    data = pd.DataFrame({"w": 1.0, "y": [1.0, 2, 6]})
    design = ReplicateDesign(data, "w", jackknife_replicates(data, "w").values, "jk1")
    estimate = estimate_variance(design, "y")
    pairs = [np.var([2, 6]), np.var([1, 6]), np.var([1, 2])]
    assert estimate.replicates.ravel().tolist() == pytest.approx([1.5 * v for v in pairs])
    assert estimate.table["estimate"].iloc[0] == pytest.approx(7.0)
