"""Tests in a simple random sample are those of the textbook."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from spi_analysis.errors import EstimationError
from spi_analysis.survey.estimation import ReplicateDesign, SurveyDesign, TestResult, chi_square, t_test
from spi_analysis.survey.weighting import jackknife_replicates

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


# Eight clusters of three people, of different weight; then without four of them, so that clusters differ in size.
# R 4.2.2, survey 4.1-1 (Debian), 2026-11-22: s <- svydesign(id = ~cl, weights = ~w, data = d)
CLUSTERED = pd.DataFrame(
    {
        "cl": np.repeat(range(8), 3),
        "w": np.repeat([2, 3, 1, 4, 2.5, 3.5, 1.5, 2], 3) + np.tile([0, 0.5, 1], 8),
        "a": list("xyxyyxxzyzxzxxyzyzxyzyxz"),
        "b": np.where([c == "y" for c in "nynnyynyynnyynnyynnynyny"], "yes", "no"),
    }
)
WALD = {
    "whole": {"Wald": (1.7983956877515592, 0.23427869445642518), "adjWald": (1.5414820180727651, 0.28825109604002375)},
    "unequal": {
        "Wald": (0.72390315363764868, 0.51789214379691273),
        "adjWald": (0.62048841740369887, 0.56893450893683195),
    },
}


@pytest.mark.parametrize("statistic", ["Wald", "adjWald"])
def test_wald_of_clusters_is_that_of_r(statistic: str) -> None:
    """svychisq(~a + b, s, statistic = statistic), of d and of d[-c(2, 3, 8, 17), ]."""
    for name, data in {"whole": CLUSTERED, "unequal": CLUSTERED.drop(index=[1, 2, 7, 16])}.items():
        found = chi_square(SurveyDesign(data, "w", psu="cl"), "a", "b", statistic)
        assert (found.statistic, found.p_value) == pytest.approx(WALD[name][statistic], rel=1e-8)


def test_wald_of_replicates_is_that_of_r() -> None:
    """svychisq(~a + b, as.svrepdesign(s2, type = "JK1"), statistic = "Wald"), which equals Taylor's here in R too."""
    data = CLUSTERED.drop(index=[1, 2, 7, 16]).reset_index(drop=True)
    made = jackknife_replicates(data, "w", psu="cl")
    design = ReplicateDesign(data, "w", made.values, "jkn", rscales=made.rscales, scale=made.scale, mse=False)
    found = chi_square(design, "a", "b", "Wald")
    assert (found.statistic, found.p_value) == pytest.approx((0.72390315363764901, 0.51789214379691251), rel=1e-8)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("statistic", "value", "p"),
    [
        ("Wald", 3.6482248555055201, 0.09775287159024991),
        ("F", 1.8991292238146718, 0.21061261450263305),
        ("Chisq", 3.2953568672839491, 0.16817581897963171),
    ],
)
def test_rows_of_the_table_with_nobody_are_left_out(statistic: str, value: float, p: float) -> None:
    """svychisq of subset(s, a != "z"): by a domain, by a categorical's unused levels, by weights of 0."""
    kept = CLUSTERED["a"] != "z"
    levels = CLUSTERED.assign(a=pd.Categorical(CLUSTERED["a"], categories=list("qxyz")))
    weightless = CLUSTERED.assign(w=CLUSTERED["w"].where(kept, 0.0))
    for design in (
        SurveyDesign(CLUSTERED, "w", psu="cl").subset(kept),
        SurveyDesign(levels, "w", psu="cl").subset(kept),
        SurveyDesign(weightless, "w", psu="cl"),
    ):
        found = chi_square(design, "a", "b", statistic)
        assert (found.statistic, found.p_value) == pytest.approx((value, p), rel=1e-8)


def test_table_that_cannot_be_told_apart_is_explained() -> None:
    """Two clusters, four residuals: their covariance has rank 1."""
    data = CLUSTERED.assign(cl=np.repeat([0, 1], 12), b=list("pqrpqrqpprqrppqrqrrpqprq"))
    with pytest.raises(EstimationError, match="too thin"):
        chi_square(SurveyDesign(data, "w", psu="cl"), "a", "b", "Wald")


def test_adjusted_wald_needs_degrees_of_freedom() -> None:
    """Two residuals take one of the design's degrees of freedom: of 2 there is 2 - 2 + 1 = 1 left, of 1 none."""
    made = jackknife_replicates(CLUSTERED, "w", psu="cl")

    def tested(df: int) -> TestResult:
        design = ReplicateDesign(CLUSTERED, "w", made.values, "jk1", df_design=df)
        return chi_square(design, "a", "b", "adjWald")

    assert tested(2).df == (2, 1)
    with pytest.raises(EstimationError, match="no degrees of freedom"):
        tested(1)


@pytest.mark.filterwarnings("error")
def test_census_has_no_test() -> None:
    census = SurveyDesign(CLUSTERED.assign(w=1.0, N=24), "w", pop_size="N")
    for statistic, part in (("F", "nothing to test"), ("Chisq", "nothing to test"), ("Wald", "too thin")):
        with pytest.raises(EstimationError, match=part):
            chi_square(census, "a", "b", statistic)


@pytest.mark.parametrize(
    ("call", "part"),
    [
        (lambda: chi_square(DESIGN, "a", "b", "G"), "unknown statistic"),
        (lambda: chi_square(DESIGN, "a", "w"), "needs two values"),
        (lambda: chi_square(SurveyDesign(DATA.assign(w=0.0), "w"), "a", "b"), "needs two values"),
        (lambda: t_test(DESIGN, "v", by="a"), "two domains"),
        (lambda: t_test(SurveyDesign(DATA.assign(v=0.1, w=DATA["v"].abs()), "w"), "v"), "no sampling error"),
        (lambda: t_test(SurveyDesign(DATA.assign(v=0.0), "w"), "v"), "no sampling error"),
        (lambda: t_test(SurveyDesign(DATA.assign(h=DATA.index // 118), "w", psu="h"), "v"), "no degrees of freedom"),
    ],
)
def test_what_cannot_be_tested(call, part: str) -> None:
    with pytest.raises(EstimationError, match=part):
        call()


def test_a_test_is_printed_in_a_line() -> None:
    assert repr(TestResult("t test", 2.0, (10.0,), 0.0734)) == "t test: statistic 2 (df 10), p = 0.0734"


@pytest.mark.parametrize("ask", [lambda people: t_test(people, "w"), lambda people: chi_square(people, "w", "w")])
def test_a_table_that_is_no_design_is_refused_in_words(ask) -> None:
    with pytest.raises(EstimationError, match="this is no design"):
        ask(pd.DataFrame({"w": [1.0, 2.0]}))
