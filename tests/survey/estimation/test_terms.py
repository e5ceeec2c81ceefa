"""Regression beyond its coefficients, two-way tables and pictures: by hand, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from spi_analysis.errors import EstimationError
from spi_analysis.survey import (
    ReplicateDesign,
    SurveyDesign,
    chi_square,
    contrast,
    crosstab,
    estimate_mean,
    estimate_regression,
)

RNG = np.random.default_rng(11)
PEOPLE = pd.DataFrame(
    {
        "w": RNG.uniform(1, 3, 240),
        "g": RNG.choice(["a", "b", "c"], 240),
        "s": RNG.choice(["f", "m"], 240),
        "x": RNG.normal(size=240),
        "days": RNG.integers(1, 9, 240),
    }
)
PEOPLE["z"] = (RNG.random(240) < 1 / (1 + np.exp(-PEOPLE["x"]))).astype(int)
PEOPLE["q"] = pd.cut(PEOPLE["x"] + RNG.logistic(size=240), [-99, -1, 0.5, 99], labels=["low", "mid", "high"])
DESIGN = SurveyDesign(PEOPLE, "w")


def test_a_margin_of_one_factor_is_the_mean_of_its_domain() -> None:
    """Saturated in g, the model predicts every domain's mean."""
    margins = estimate_regression(DESIGN, "z ~ g", "binomial").margins("g").table
    assert margins["estimate"].tolist() == pytest.approx(estimate_mean(DESIGN, "z", by="g").table["estimate"].tolist())
    assert margins.columns[:2].tolist() == ["variable", "g"]


def test_a_column_beside_is_held_where_it_is_said() -> None:
    fit = estimate_regression(DESIGN, "z ~ C(g) * x", "binomial")
    b = fit.table.set_index("variable")["estimate"]
    expected = 1 / (1 + np.exp(-(b["Intercept"] + b["C(g)[T.b]"] + 2 * (b["x"] + b["C(g)[T.b]:x"]))))
    table = fit.margins("g", at={"x": 2.0}).table.set_index("g")
    assert table.loc["b", "estimate"] == pytest.approx(expected)


def test_margins_at_several_values_are_those_at_each_and_can_be_compared() -> None:
    """Saturated in both, the model predicts the mean of every cell: a difference of differences by hand."""
    fit = estimate_regression(DESIGN, "z ~ s * g", "binomial")
    margins = fit.margins("s", at={"g": ["a", "b"]})
    assert margins.table[["g", "s"]].to_numpy().tolist() == [["a", "f"], ["a", "m"], ["b", "f"], ["b", "m"]]
    cells = estimate_mean(DESIGN, "z", by=["g", "s"]).table["estimate"].to_numpy()[:4]
    assert margins.table["estimate"].tolist() == pytest.approx(cells.tolist())
    alone = fit.margins("s", at={"g": "b"}).table
    assert margins.table["se"].tolist()[2:] == pytest.approx(alone["se"].tolist())
    twice = contrast(margins, [1, -1, -1, 1]).table["estimate"].iloc[0]
    assert twice == pytest.approx(cells[0] - cells[1] - cells[2] + cells[3])
    with pytest.raises(EstimationError, match="a row for each of both"):
        fit.margins("s:g")


def test_margins_that_are_shares_have_limits_between_0_and_1() -> None:
    """On the logit scale: of 40 people one said yes in each group, so that a t interval would begin below 0."""
    people = pd.DataFrame({"w": 1.0, "g": ["a", "b"] * 40, "y": 0})
    people.loc[[0, 1], "y"] = 1
    table = estimate_regression(SurveyDesign(people, "w"), "y ~ g", "binomial").margins("g").table
    low = (table["estimate"] - 1.99 * table["se"]).iloc[0]
    assert low < 0 < table["ci_low"].min()


def test_an_offset_that_is_the_whole_slope_leaves_the_other_coefficients() -> None:
    """Taking 2 x off the outcome by hand, and telling the model so, are the same."""
    data = PEOPLE.assign(y=2 * PEOPLE["x"] + PEOPLE["z"], rest=PEOPLE["z"])
    told = estimate_regression(SurveyDesign(data, "w"), "y ~ g + offset(2 * x)").table
    taken = estimate_regression(SurveyDesign(data, "w"), "rest ~ g").table
    pd.testing.assert_frame_equal(told, taken)


def test_rates_by_firth_know_the_offset() -> None:
    """A table of counts: with half a count added to each, log(2.5 / 40) and so on (Poisson, one group per level)."""
    counts = pd.DataFrame({"w": 1.0, "g": list("ab"), "k": [2, 6], "days": [40, 60]})
    design = SurveyDesign(counts, "w")
    fit = estimate_regression(design, "k ~ 0 + g + offset(log(days))", "poisson", firth=True).table
    assert fit["estimate"].tolist() == pytest.approx([np.log(2.5 / 40), np.log(6.5 / 60)])


def test_ordered_answers_without_slopes_have_the_shares_for_thresholds() -> None:
    data = pd.DataFrame({"w": [3.0, 1, 4, 2], "q": [1, 2, 2, 3]})
    table = estimate_regression(SurveyDesign(data, "w"), "q ~ 1", "ordinal").table
    assert table["variable"].tolist() == ["1|2", "2|3"]
    assert table["estimate"].tolist() == pytest.approx([np.log(3 / 7), np.log(8 / 2)])


def test_chances_of_ordered_answers_sum_to_1_and_rise_with_the_coefficient() -> None:
    fit = estimate_regression(DESIGN, "q ~ x + s", "ordinal")
    assert fit.table.set_index("variable").loc["x", "estimate"] > 0
    table = fit.margins("x", at=[-1, 1]).table
    assert table.groupby("x")["estimate"].sum().tolist() == pytest.approx([1, 1])
    high = table[table["category"] == "high"]["estimate"].tolist()
    assert high[1] > high[0]


def test_replicates_of_ordered_answers_are_fits_of_their_own() -> None:
    factors = RNG.uniform(0.5, 1.5, (240, 3))
    design = ReplicateDesign(PEOPLE, "w", PEOPLE[["w"]].to_numpy() * factors, "other", scale=1.0)
    found = estimate_regression(design, "q ~ x", "ordinal").replicates
    for column, ours in zip(factors.T, found, strict=True):
        alone = SurveyDesign(PEOPLE.assign(w=PEOPLE["w"] * column), "w")
        expected = estimate_regression(alone, "q ~ x", "ordinal").table["estimate"]
        assert ours.tolist() == pytest.approx(expected.tolist(), rel=1e-9)


@pytest.mark.parametrize(
    ("change", "formula", "part"),
    [
        ({"q": PEOPLE["q"].astype(str)}, "q ~ x", "text without an order"),
        ({}, "z ~ x", "three levels or more"),
        ({}, "q ~ 0 + x", "thresholds for an intercept"),
        ({"x": PEOPLE["q"].cat.codes.astype(float)}, "q ~ x", "separation"),
    ],
)
def test_ordered_answers_that_cannot_be_fitted(change: dict, formula: str, part: str) -> None:
    with pytest.raises(EstimationError, match=part):
        estimate_regression(SurveyDesign(PEOPLE.assign(**change), "w"), formula, "ordinal")


@pytest.mark.parametrize(
    ("ask", "part"),
    [
        (lambda fit: fit.joint("nothing"), "unknown term of the formula"),
        (lambda fit: fit.margins("x"), "has no levels"),
        (lambda fit: fit.margins("g", at=["q"]), "unknown value of g"),
        (lambda fit: fit.margins("g", at={"nothing": 1}), "unknown column"),
        (lambda fit: fit.margins("x:s"), "several columns"),
    ],
)
def test_what_a_regression_cannot_be_asked(ask, part: str) -> None:
    fit = estimate_regression(DESIGN, "z ~ g + x * s", "binomial")
    with pytest.raises(EstimationError, match=part):
        ask(fit)


def test_an_offset_within_a_term_is_refused() -> None:
    with pytest.raises(EstimationError, match="an offset within another term"):
        estimate_regression(DESIGN, "z ~ x:offset(days)", "binomial")


def test_a_table_by_domain_is_the_table_of_each_domain() -> None:
    found = crosstab(DESIGN, "g", "z", by="s")
    women = DESIGN.subset(PEOPLE["s"] == "f")
    own = crosstab(women, "g", "z").table
    part = found.table[found.table["s"] == "f"].drop(columns="s").reset_index(drop=True)
    pd.testing.assert_frame_equal(part, own)
    assert found.test.set_index("s").loc["f", "p_value"] == chi_square(women, "g", "z").p_value


@pytest.mark.parametrize(("shares", "by"), [("rows", ["g"]), ("columns", ["z"]), ("all", [])])
def test_shares_sum_to_1_where_it_is_said(shares: str, by: list[str]) -> None:
    table = crosstab(DESIGN, "g", "z", shares=shares).table
    sums = table.groupby(by)["share"].sum() if by else table[["share"]].sum()
    assert sums.tolist() == pytest.approx([1.0] * len(sums))


def test_tables_that_cannot_be_made() -> None:
    with pytest.raises(EstimationError, match="unknown shares"):
        crosstab(DESIGN, "g", "z", shares="row")
    with pytest.raises(EstimationError, match="twice"):
        crosstab(DESIGN, "g", "z", by="g")


def test_pictures_have_a_dot_and_an_interval_for_every_row() -> None:
    ax = Figure().subplots()
    means = estimate_mean(DESIGN, "z", by=["g", "s"])
    assert means.plot(ax) is ax
    assert [text.get_text() for text in ax.get_yticklabels()] == ["a", "b", "c"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["f", "m"]
    drawn = np.concatenate([line.get_xdata() for line in ax.lines])
    assert sorted(drawn) == sorted(means.table["estimate"])
    ends = np.concatenate([[segment[:, 0] for segment in one.get_segments()] for one in ax.collections])
    assert sorted(ends[:, 0]) == sorted(means.table["ci_low"])


def test_a_picture_of_a_regression_leaves_intercept_and_thresholds_out() -> None:
    for formula, family in (("z ~ x + s", "binomial"), ("q ~ x + s", "ordinal")):
        ax = estimate_regression(DESIGN, formula, family).plot(Figure().subplots())
        assert [text.get_text() for text in ax.get_yticklabels()] == ["s[T.m]", "x"]


def test_a_picture_of_a_two_way_table_has_its_shares() -> None:
    found = crosstab(DESIGN, "g", "z")
    ax = found.plot(Figure().subplots())
    assert sorted(np.concatenate([line.get_xdata() for line in ax.lines])) == sorted(found.table["share"])
    assert ax.get_xlabel() == "share"
