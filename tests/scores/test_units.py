"""Scores of units, the full design kept."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit
from scipy.stats import t as student

from spi_analysis.scores import domain_scores, items, score_estimates
from spi_analysis.survey.estimation import ReplicateDesign, SurveyDesign, estimate_mean
from spi_analysis.survey.weighting import bootstrap_replicates, jackknife_replicates
from tests.scores.toys import instrument

WEIGHTS = instrument().item_weights("internal")


@pytest.fixture
def data() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    table = pd.DataFrame(rng.uniform(20, 80, (30, 4)), columns=list("abcd"))
    return table.assign(w=rng.uniform(1, 4, 30), unit=["north"] * 12 + ["south"] * 17 + [None])


def test_unit_score_is_the_domain_of_the_whole_design(data: pd.DataFrame) -> None:
    design = SurveyDesign(data, "w")
    table = domain_scores(design, "unit", WEIGHTS, 0.95).set_index("domain")
    assert list(table.index) == ["north", "south"], "an unknown unit is no unit"
    north = score_estimates(design.subset(data["unit"] == "north"), WEIGHTS, 0.95).table.iloc[-1]
    assert table.loc["north", "estimate"] == pytest.approx(north["estimate"], rel=1e-12)
    assert table.loc["north", "se"] == pytest.approx(north["se"], rel=1e-12)
    assert table.loc["north", "n"] == 12


def test_interval_uses_the_unit_s_own_degrees_of_freedom(data: pd.DataFrame) -> None:
    row = domain_scores(SurveyDesign(data, "w"), "unit", WEIGHTS, 0.95).set_index("domain").loc["north"]
    assert row["df_design"] == 11
    # On the scale of the logit of p = estimate / 100: half width t(11) SE / (p (1 - p)), and back.
    p, half = row["estimate"] / 100, student.ppf(0.975, 11) * row["se"] / 100
    assert row["ci_high"] == pytest.approx(100 * expit(logit(p) + half / (p * (1 - p))))
    assert row["ci_low"] == pytest.approx(100 * expit(logit(p) - half / (p * (1 - p))))


def test_many_replicates_give_a_unit_no_more_degrees_of_freedom(data: pd.DataFrame) -> None:
    made = bootstrap_replicates(data, "w", n_replicates=60)
    design = ReplicateDesign(data, "w", made.values, "bootstrap", scale=made.scale, df_design=29)
    table = domain_scores(design, "unit", WEIGHTS, 0.95).set_index("domain")
    assert table["df_design"].to_dict() == {"north": 11, "south": 16}, "n - 1, whatever the size of the rest"


@pytest.mark.parametrize("kind", ["stratified", "clusters", "bootstrap"])
def test_scores_and_means_of_a_unit_have_the_same_degrees_of_freedom(data: pd.DataFrame, kind: str) -> None:
    """A unit of three answers beside one of many, whose strata it cuts: one rule for scores and item means. By hand:
    three answers in two strata have 1 degree of freedom, in two clusters 1, as rows of the replicates 2, not 29."""
    data = data.assign(unit=["north"] * 3 + ["south"] * 27, h=["x", "x", "y"] + ["x", "y", "y"] * 9)
    data = data.assign(team=data["h"] + np.repeat(np.arange(10), 3).astype(str))
    if kind == "bootstrap":
        made = bootstrap_replicates(data, "w", n_replicates=60)
        design = ReplicateDesign(data, "w", made.values, "bootstrap", scale=made.scale, df_design=29)
    else:
        design = SurveyDesign(data, "w", "h" if kind == "stratified" else None, "team" if kind == "clusters" else None)
    scores = domain_scores(design, "unit", WEIGHTS, 0.95).set_index("domain")["df_design"]
    means = estimate_mean(design, ["a", "d"], by="unit").table.groupby("unit")["df_design"].unique()
    assert scores["north"] == {"stratified": 1, "clusters": 1, "bootstrap": 2}[kind]
    assert {unit: list(values) for unit, values in means.items()} == {u: [df] for u, df in scores.items()}


def test_effective_size_is_the_unit_s_own(data: pd.DataFrame) -> None:
    w = data.loc[data["unit"] == "north", "w"]
    row = domain_scores(SurveyDesign(data, "w"), "unit", WEIGHTS, 0.95).set_index("domain").loc["north"]
    assert row["effective_n"] == pytest.approx(w.sum() ** 2 / (w**2).sum())


def test_who_answered_nothing_adds_to_neither_size(data: pd.DataFrame) -> None:
    """Four of twelve northerners answered nothing, a fifth one item only: eight count, and their weights."""
    data.loc[:3, list("abcd")] = np.nan
    data.loc[4, list("bcd")] = np.nan
    row = domain_scores(SurveyDesign(data, "w"), "unit", WEIGHTS, 0.95).set_index("domain").loc["north"]
    w = data.loc[4:11, "w"]
    assert row["n"] == 8
    assert row["effective_n"] == pytest.approx(w.sum() ** 2 / (w**2).sum())


def test_unit_in_which_nobody_answered_a_dimension(data: pd.DataFrame) -> None:
    data.loc[data["unit"] == "north", "d"] = np.nan
    table = domain_scores(SurveyDesign(data, "w"), "unit", WEIGHTS, 0.95).set_index("domain")
    assert np.isnan(table.loc["north", "estimate"])
    assert table.loc["south", "estimate"] > 0


def test_no_known_unit_is_an_empty_table(data: pd.DataFrame) -> None:
    table = domain_scores(SurveyDesign(data.assign(unit=None), "w"), "unit", WEIGHTS, 0.95)
    assert table.empty
    assert {"domain", "estimate", "se", "n", "effective_n"} <= set(table.columns)


@pytest.mark.parametrize("kind", ["taylor", "jackknife"])
def test_difference_from_everybody_by_hand(data: pd.DataFrame, kind: str) -> None:
    """North minus everybody: influence of a northerner 1/W_n - 1/W, of another -1/W, times the deviation."""
    design = SurveyDesign(data, "w")
    if kind == "jackknife":
        made = jackknife_replicates(data, "w")
        design = ReplicateDesign(data, "w", made.values, "jk1", scale=made.scale)
    row = domain_scores(design, "unit", WEIGHTS, 0.95).set_index("domain").loc["north"]
    person, w = data[list("abcd")] @ WEIGHTS["score"], data["w"]
    north = data["unit"] == "north"
    means = [np.average(person[rows], weights=w[rows]) for rows in (north, w > 0)]
    influence = north * w * (person - means[0]) / w[north].sum() - w * (person - means[1]) / w.sum()
    assert row["difference"] == pytest.approx(means[0] - means[1])
    assert row["difference_se"] ** 2 == pytest.approx(
        30 / 29 * (influence**2).sum(), rel=1e-9 if kind == "taylor" else 0.3
    )
    assert row["difference_se"] < row["se"], "everybody includes the north"


@pytest.mark.parametrize("kind", ["taylor", "bootstrap"])
def test_units_estimated_in_turns_are_those_estimated_at_once(data: pd.DataFrame, kind: str, monkeypatch) -> None:
    design = SurveyDesign(data, "w")
    if kind == "bootstrap":
        made = bootstrap_replicates(data, "w", n_replicates=60)
        design = ReplicateDesign(data, "w", made.values, "bootstrap", scale=made.scale, df_design=29)
    at_once = domain_scores(design, "unit", WEIGHTS, 0.95)
    monkeypatch.setattr(items, "AT_ONCE", 1)
    pd.testing.assert_frame_equal(domain_scores(design, "unit", WEIGHTS, 0.95), at_once, rtol=1e-12)


def test_the_only_unit_differs_from_nothing(data: pd.DataFrame) -> None:
    row = domain_scores(SurveyDesign(data.assign(unit="all"), "w"), "unit", WEIGHTS, 0.95).iloc[0]
    assert (row["difference"], row["difference_se"]) == (0, 0)
