"""Rare events: levels that decide the outcome are named, refused or penalised; replicates that separate are counted."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from spi_analysis.errors import EstimationError
from spi_analysis.survey.estimation import ReplicateDesign, SeparationWarning, SurveyDesign, estimate_regression
from spi_analysis.survey.estimation.regression_fit import separated_rows
from spi_analysis.survey.weighting import bootstrap_replicates, jackknife_replicates

PLACE = np.arange(40)
FORTY = pd.DataFrame(
    {"x": PLACE * 7 % 11, "g": [*"abcbabba"] * 5, "w": 1.0 + PLACE % 5, "y": np.where(PLACE * 13 % 10 < 3, 1.0, 0.0)}
).assign(y=lambda d: d["y"].where(d["g"] != "c", 0.0))
# Ten of group a who all said no; of twenty of group b five said yes.
THIRTY = pd.DataFrame({"g": ["a"] * 10 + ["b"] * 20, "y": [0] * 10 + [1] * 5 + [0] * 15, "w": 2.0})
EVENTS = ("binomial", "poisson")


def jackknifed(data: pd.DataFrame) -> ReplicateDesign:
    made = jackknife_replicates(data, "w")
    return ReplicateDesign(data, "w", made.values, "jk1")


# --- a sample that separates


@pytest.mark.parametrize("family", EVENTS)
@pytest.mark.parametrize("group", ["g", "C(g)"])
def test_a_level_that_decides_is_named_and_refused(family: str, group: str) -> None:
    """R's svyglm gives -16.9 with SE 0.82 and p = 1e-21 for group c of FORTY; the likelihood has no maximum there."""
    with pytest.raises(EstimationError) as caught:
        estimate_regression(SurveyDesign(FORTY, "w"), f"y ~ x + {group}", family)
    (problem,) = caught.value.problems
    assert [problem.column, problem.key, problem.got] == [group, "c", "5 people, all of them 0"]
    assert "firth=True" in problem.hint
    assert "merge" in problem.hint


def test_every_level_that_decides_is_named_at_once() -> None:
    data = FORTY.assign(g=FORTY["g"].where(FORTY.index > 1, "d"), y=FORTY["y"].where(FORTY.index > 1, 1.0))
    with pytest.raises(EstimationError) as caught:
        estimate_regression(SurveyDesign(data, "w"), "y ~ x + g", "binomial")
    assert {(p.key, p.got) for p in caught.value.problems} == {
        ("c", "5 people, all of them 0"),
        ("d", "2 people, all of them 1"),
    }


def test_a_reference_level_that_decides_is_named_too() -> None:
    """Its coefficient is the intercept, and runs to minus infinity while the others run to plus infinity."""
    with pytest.raises(EstimationError) as caught:
        estimate_regression(SurveyDesign(THIRTY, "w"), "y ~ g", "binomial")
    assert [(p.column, p.key) for p in caught.value.problems] == [("g", "a")]


def test_terms_that_decide_only_together_are_named() -> None:
    """Yes from 6 on: no level of anything decides, the number x does."""
    data = pd.DataFrame({"x": np.arange(12.0), "y": np.arange(12) >= 6, "w": 1.0})
    with pytest.raises(EstimationError, match="Intercept, x\n  got: 12 people"):
        estimate_regression(SurveyDesign(data, "w"), "y ~ x", "binomial")


def test_a_combination_of_levels_is_named_by_its_terms() -> None:
    """Women of a said no, men of a and women of b said both: only the combination decides."""
    cells = [("f", "a", [0, 0, 0]), ("m", "a", [0, 1, 1]), ("f", "b", [1, 0, 1]), ("m", "b", [0, 1, 0])]
    rows = [(s, g, y) for s, g, answers in cells for y in answers]
    data = pd.DataFrame(rows, columns=["s", "g", "y"]).assign(w=1.0)
    with pytest.raises(EstimationError, match="3 people whose outcome they say"):
        estimate_regression(SurveyDesign(data, "w"), "y ~ s * g", "binomial")


def test_sure_is_not_separated() -> None:
    """Fitted odds of e^20 with one exception at each end: a steep line, but a finite one, and no error."""
    x = np.array([*np.linspace(-20, 20, 40), -0.6, 0.6])
    data = pd.DataFrame({"x": x, "y": [*(x[:40] > 0), True, False], "w": 1.0})
    table = estimate_regression(SurveyDesign(data, "w"), "y ~ x", "binomial").table
    eta = table["estimate"][0] + table["estimate"][1] * x
    assert eta.max() > 15, "so sure that it is looked at"
    score = (data["y"] - 1 / (1 + np.exp(-eta))) @ np.column_stack([np.ones(42), x])
    assert score == pytest.approx([0, 0], abs=1e-9), "the maximum of the likelihood"


@given(seed=st.integers(0, 5_000))
@settings(max_examples=60, deadline=None)
def test_rows_of_a_table_separate_where_a_level_has_one_outcome(seed: int) -> None:
    """With a group for every level, exactly the levels with a single outcome are separated (for counts: with none)."""
    rng = np.random.default_rng(seed)
    level, y = rng.integers(0, 4, 14), (rng.random(14) < 0.3).astype(float)
    x = (level[:, None] == np.arange(4)).astype(float)
    shares = np.array([y[level == k].mean() if (level == k).any() else np.nan for k in range(4)])[level]
    assert separated_rows("binomial", y, x).tolist() == np.isin(shares, [0, 1]).tolist()
    assert separated_rows("poisson", y, x).tolist() == (shares == 0).tolist()


# --- replicates


# R survey 4.1.1 (R 4.2.2), 2026-11-28: rw <- weights(as.svrepdesign(svydesign(~1, weights=~w, data=d), type="JK1"),
# "analysis"); j <- svrepdesign(weights=~w, repweights=rw, data=d, type="other", scale=39/40, rscales=rep(1, 40),
# mse=TRUE); svyglm(y ~ x + g, j, family=quasibinomial(), control=glm.control(epsilon=1e-13, maxit=100)); for g = c it
# gives -28.9 with SE 21.5; subset(j, g != "c") has the same others
FROM_R = {
    "Intercept": (-0.989436201339850, 1.277470621165831),
    "x": (0.050682528187943, 0.154859468209861),
    "g[T.b]": (-0.360119875686121, 1.071685919418380),
}


def test_with_replicates_the_other_coefficients_are_those_without_the_level() -> None:
    with pytest.warns(SeparationWarning, match=r"g\[T\.c\] \(g = c: 5 people, all of them 0\)"):
        result = estimate_regression(jackknifed(FORTY), "y ~ x + g", "binomial")
    table = result.table.set_index("variable")
    for term, expected in FROM_R.items():
        assert tuple(table.loc[term, ["estimate", "se"]]) == pytest.approx(expected, rel=1e-7), term
    assert table.loc["g[T.c]", ["estimate", "se", "ci_low", "ci_high", "p_value"]].isna().all()
    assert table["df_design"].tolist() == [36] * 4, "R's df.residual"
    left_out = dict(zip(result.table["variable"], result.replicates_left_out, strict=True))
    assert left_out == {"Intercept": 0, "x": 0, "g[T.b]": 0, "g[T.c]": 40}
    with pytest.raises(EstimationError, match="nothing can be predicted") as caught:
        result.margins("g")
    assert "g[T.c]" in str(caught.value)
    assert "design.subset" in str(caught.value)


def test_replicates_that_separate_are_left_out_and_counted() -> None:
    """In a saturated model the coefficients are the log-odds of a, and those of b minus those of a. Without the only
    yes of b there are no log-odds of b: 1 of 12 is left out."""
    data = pd.DataFrame({"g": [*"aaaaaabbbbbb"], "y": [1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0], "w": 1.0})
    with pytest.warns(SeparationWarning, match="1 of 12 replicates are left out"):
        result = estimate_regression(jackknifed(data), "y ~ g", "binomial")
    a, b = np.log(2 / 4), np.log(1 / 5)
    without = [np.log(1 / 4)] * 2 + [np.log(2 / 3)] * 4
    assert result.table["estimate"].tolist() == pytest.approx([a, b - a])
    assert result.replicates_left_out.tolist() == [1, 1]
    # Without one of a the intercept moves, and the difference the other way; without a no of b the difference does.
    squares = np.array([sum((v - a) ** 2 for v in without), sum((v - a) ** 2 for v in without)])
    squares[1] += 5 * (np.log(1 / 4) - b) ** 2
    assert (result.table["se"] ** 2).tolist() == pytest.approx((11 / 12 * squares).tolist())


@pytest.mark.parametrize("family", EVENTS)
def test_a_replicate_in_which_a_thin_level_answers_otherwise_begins_anew(family: str) -> None:
    """A saturated model has the log-odds (log-means) of its groups. From those of the sample, where the only yes of b
    weighs a ten-thousandth, a full step towards the replicate's even weights goes out of all bounds."""
    data = pd.DataFrame({"g": [*"aaaabb"], "y": [1, 0, 0, 0, 1, 0], "w": [1, 1, 1, 1, 1e-4, 1]})
    design = ReplicateDesign(data, "w", np.array([[1.0, 2, 1, 1, 1, 1]]).T, method="bootstrap")
    result = estimate_regression(design, "y ~ g", family)
    # Of a 1 in 5 by weight said yes, of b 1 in 2.
    a, b = {"binomial": (np.log(1 / 4), np.log(1 / 1)), "poisson": (np.log(1 / 5), np.log(1 / 2))}[family]
    assert result.replicates.tolist() == [pytest.approx([a, b - a], rel=1e-9)]


def test_of_coefficients_that_are_known_only_together_replicates_have_the_errors_that_they_have_alone() -> None:
    """Where the reference level decides, the others are known against each other only, and x is as without that level.

    The same design without that level's people has no separated level: it is the plain case.
    """
    data = FORTY.assign(g=FORTY["g"].replace({"c": "a", "a": "c"}))
    alone = estimate_regression(jackknifed(data).subset(data["g"] != "a"), "y ~ x + g", "binomial").table
    with pytest.warns(SeparationWarning, match="g = a: 5 people"):
        both = estimate_regression(jackknifed(data), "y ~ x + g", "binomial").table
    of_x = [table.set_index("variable").loc["x", ["estimate", "se"]].tolist() for table in (both, alone)]
    assert of_x[0] == pytest.approx(of_x[1], rel=1e-9)


def test_most_replicates_without_the_coefficients_give_no_standard_error() -> None:
    """Each of three levels has one yes, which a bootstrap leaves out in a third of its replicates: two thirds and more
    have a level without any."""
    data = pd.DataFrame({"g": [*"aaaabbbbcccc"], "y": [1, 0, 0, 0] * 3, "w": 1.0})
    made = bootstrap_replicates(data, "w", n_replicates=200, seed=3)
    design = ReplicateDesign(data, "w", made.values, "bootstrap", scale=made.scale)
    with pytest.raises(EstimationError, match=r"of 200 replicates") as caught:
        estimate_regression(design, "y ~ g", "binomial")
    assert "firth=True" in str(caught.value)
    table = estimate_regression(design, "y ~ 1", "binomial", firth=True).table
    assert np.isfinite(table["se"]).all()


# --- Firth


@pytest.mark.parametrize("weight", [1.0, 2.0, 1 / 3])
def test_firth_of_a_table_adds_half_an_answer_to_every_cell(weight: float) -> None:
    """With a group for every level its leverages sum to 1: odds (yes + 1/2) / (no + 1/2), counts (events + 1/2) / n."""
    design = SurveyDesign(THIRTY.assign(w=weight), "w")
    binomial = estimate_regression(design, "y ~ g", "binomial", firth=True).table["estimate"]
    assert binomial.tolist() == pytest.approx([np.log(0.5 / 10.5), np.log(5.5 / 15.5) - np.log(0.5 / 10.5)], rel=1e-9)
    poisson = estimate_regression(design, "y ~ g", "poisson", firth=True).table["estimate"]
    assert poisson.tolist() == pytest.approx([np.log(0.5 / 10), np.log(5.5 / 20) - np.log(0.5 / 10)], rel=1e-9)


@pytest.mark.parametrize("family", EVENTS)
def test_firth_is_the_maximum_of_the_penalised_likelihood(family: str) -> None:
    """Against a search that knows nothing of scores: log-likelihood + log det(information)/2, weights of mean 1."""
    x = np.column_stack([np.ones(40), FORTY["g"] == "b", FORTY["g"] == "c", FORTY["x"]]).astype(float)
    y, v = FORTY["y"].to_numpy(), (FORTY["w"] / FORTY["w"].mean()).to_numpy()

    def worse(b: np.ndarray) -> float:
        eta = x @ b
        mean = np.exp(eta) if family == "poisson" else 1 / (1 + np.exp(-eta))
        slope = mean if family == "poisson" else mean * (1 - mean)
        likelihood = v @ (y * eta - (mean if family == "poisson" else np.log1p(np.exp(eta))))
        return -(likelihood + np.linalg.slogdet(x.T @ (x * (v * slope)[:, None]))[1] / 2)

    best = minimize(worse, np.zeros(4), method="BFGS", options={"gtol": 1e-9}).x
    ours = estimate_regression(SurveyDesign(FORTY, "w"), "y ~ g + x", family, firth=True).table["estimate"]
    assert ours.tolist() == pytest.approx(best.tolist(), abs=1e-5)


def test_the_error_of_a_level_that_decides_is_that_of_its_people() -> None:
    """Ten no's: p = 0.5/11. The sandwich alone would say that nothing varies; the half answers that the penalty adds
    have spread p^2 + (1 - p)^2 each, over the information 10 p (1 - p) squared."""
    table = estimate_regression(SurveyDesign(THIRTY, "w"), "y ~ g", "binomial", firth=True).table
    p = 0.5 / 11
    assert table["se"][0] ** 2 == pytest.approx((p**2 + (1 - p) ** 2) / 2 / (10 * p * (1 - p)) ** 2)
    assert table["p_value"][1] > 0.05, "0 of 10 against 5 of 20 is no proof"


def test_firth_needs_no_replicate_left_out() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", SeparationWarning)
        result = estimate_regression(jackknifed(FORTY), "y ~ x + g", "binomial", firth=True)
    assert result.replicates_left_out.tolist() == [0] * 4
    taylor = estimate_regression(SurveyDesign(FORTY, "w"), "y ~ x + g", "binomial", firth=True).table
    assert result.table["estimate"].tolist() == pytest.approx(taylor["estimate"].tolist())
    assert result.table["se"].tolist() == pytest.approx(taylor["se"].tolist(), rel=0.3)


def test_firth_hardly_matters_where_there_is_plenty() -> None:
    data = pd.concat([FORTY[FORTY["g"] != "c"]] * 100, ignore_index=True)
    plain, firth = (
        estimate_regression(SurveyDesign(data, "w"), "y ~ x + g", "binomial", firth=f).table for f in (False, True)
    )
    assert firth["estimate"].tolist() == pytest.approx(plain["estimate"].tolist(), abs=0.002)
    assert firth["se"].tolist() == pytest.approx(plain["se"].tolist(), rel=0.005)


def test_firth_is_for_events() -> None:
    with pytest.raises(EstimationError, match="expected: binomial or poisson"):
        estimate_regression(SurveyDesign(FORTY, "w"), "y ~ x", firth=True)
