"""Tests in a simple random sample are those of the textbook."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from spi_analysis.errors import EstimationError
from spi_analysis.estimation import SurveyDesign, chi_square, t_test

RNG = np.random.default_rng(11)
DATA = pd.DataFrame(
    {
        "w": 3.0,
        "a": RNG.choice(["x", "y", "z"], 120, p=[0.5, 0.3, 0.2]),
        "b": RNG.choice(["no", "yes"], 120),
        "v": RNG.normal(0.3, 1, 120),
    }
)
DESIGN = SurveyDesign(DATA, "w")


def test_simple_random_sample_gives_pearsons_chi_square() -> None:
    """With replacement every design effect is n/(n-1): F times its numerator df is Pearson's divided by that."""
    pearson = stats.chi2_contingency(pd.crosstab(DATA["a"], DATA["b"]), correction=False)[0]
    first, second = (chi_square(DESIGN, "a", "b", s) for s in ("Chisq", "F"))
    assert first.statistic == pytest.approx(pearson)
    assert first.p_value == pytest.approx(stats.chi2.sf(pearson * 119 / 120, 2))
    assert second.statistic == pytest.approx(pearson * 119 / 120 / 2)
    assert second.df[0] == pytest.approx(2)


def test_rows_and_columns_may_be_exchanged() -> None:
    for statistic in ("F", "Chisq", "Wald", "adjWald"):
        one, other = chi_square(DESIGN, "a", "b", statistic), chi_square(DESIGN, "b", "a", statistic)
        assert one.p_value == pytest.approx(other.p_value)


def test_what_depends_is_found() -> None:
    data = DATA.assign(c=np.where(DATA["a"] == "x", "yes", DATA["b"]))
    assert chi_square(SurveyDesign(data, "w"), "a", "c").p_value < 1e-6


def test_missing_values_are_left_out() -> None:
    gaps = DATA.assign(b=DATA["b"].where(DATA.index >= 20))
    whole = chi_square(SurveyDesign(DATA.iloc[20:], "w"), "a", "b", "Chisq").statistic
    assert chi_square(SurveyDesign(gaps, "w"), "a", "b", "Chisq").statistic == pytest.approx(whole)


def test_t_of_a_mean_is_students() -> None:
    result = t_test(DESIGN, "v", null=0.1)
    assert result.statistic == pytest.approx(stats.ttest_1samp(DATA["v"], 0.1).statistic)
    assert result.df == (118,)
    assert result.ci_low < result.estimate < result.ci_high


def test_t_of_two_domains_is_second_minus_first() -> None:
    means = DATA.groupby("b")["v"].mean()
    assert t_test(DESIGN, "v", by="b").estimate == pytest.approx(means["yes"] - means["no"])


@pytest.mark.parametrize(
    ("call", "part"),
    [
        (lambda: chi_square(DESIGN, "a", "b", "G"), "unknown statistic"),
        (lambda: chi_square(DESIGN, "a", "w"), "needs two values"),
        (lambda: t_test(DESIGN, "v", by="a"), "two domains"),
    ],
)
def test_what_cannot_be_tested(call, part: str) -> None:
    with pytest.raises(EstimationError, match=part):
        call()
