"""Scores and index by hand, with their variance."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spi_analysis.errors import EstimationError
from spi_analysis.scores import (
    combine_index,
    index_from_scores,
    plain_score,
    satterthwaite,
    score_estimates,
    score_influence,
)
from spi_analysis.survey.estimation import ReplicateDesign, SurveyDesign
from spi_analysis.survey.weighting import jackknife_replicates
from tests.scores.toys import answers, instrument

W2024 = {"internal": 0.3050, "external": 0.3280, "expert": 0.3670}
WEIGHTS = instrument().item_weights("internal")


def scored(weights: list[float] | None = None, **columns: list[float | None]) -> pd.DataFrame:
    data = answers(**columns)
    return data.assign(w=weights or 1.0)


def table_of(data: pd.DataFrame) -> pd.DataFrame:
    return score_estimates(SurveyDesign(data, "w"), WEIGHTS, 0.95).table.set_index("variable")


# --- the formula


def test_published_example_of_a_ministry() -> None:
    """DOMAIN.md: (76.59*0.305) + (88.10*0.328) + (58.37*0.367) = 73.68; minus 4.49 and 3.06 = 66.12 (published)."""
    weights = {"internal": 0.305, "external": 0.328, "expert": 0.367}
    scores = {"internal": 76.59, "external": 88.10, "expert": 58.37}
    before = index_from_scores(scores, weights)
    assert round(before, 2) == 73.68
    assert index_from_scores(scores, weights, [4.49, 3.06]) == pytest.approx(66.12, abs=0.01)


@pytest.mark.parametrize(
    ("published", "parts"),
    [
        (77.29, (75.63, 92.02, 81.11, 5.72, 0)),
        (71.65, (75.61, 89.02, 73.53, 7.59, 0)),
        (70.67, (70.42, 82.48, 68.74, 3.09, 0)),
        (67.97, (68.70, 88.05, 65.65, 5.95, 0)),
        (78.48, (76.22, 89.87, 77.59, 1.06, 1.67)),
    ],
)
def test_the_five_institutions_of_2024(published: float, parts: tuple[float, ...]) -> None:
    scores = dict(zip(W2024, parts, strict=False))
    assert index_from_scores(scores, W2024, parts[3:]) == pytest.approx(published, abs=0.03), "largest known residual"


def test_corrections_are_subtracted_however_many_there_are() -> None:
    assert index_from_scores(dict.fromkeys(W2024, 80.0), W2024, [1, 2, 3]) == pytest.approx(74)


def test_two_sources_by_hand() -> None:
    """0.763 x 80 + 0.237 x 70 = 61.04 + 16.59 = 77.63; less 1.5 and 0.13: 76."""
    weights = {"external": 0.763, "internal": 0.237}
    index = index_from_scores({"internal": 70.0, "external": 80.0}, weights, [1.5, 0.13])
    assert index == pytest.approx(76.0), "the order in which the scores come does not matter"


def test_four_sources_and_a_component_by_hand() -> None:
    """A quarter each of 60, 70, 80 and 90 makes 75; 0.6 of it and 0.4 of an effort of 50 make 45 + 20 = 65."""
    weights = {"heads": 0.15, "teachers": 0.15, "pupils": 0.15, "parents": 0.15, "effort": 0.4}
    scores = {"heads": 60.0, "teachers": 70.0, "pupils": 80.0, "parents": 90.0, "effort": 50.0}
    assert index_from_scores(scores, weights) == pytest.approx(65.0)


@pytest.mark.parametrize("scores", [{"external": 80.0}, {"external": 80.0, "internal": 70.0, "expert": 60.0}])
def test_scores_of_other_parts_than_the_weights_are_refused(scores: dict) -> None:
    with pytest.raises(EstimationError, match="not of the same parts"):
        index_from_scores(scores, {"external": 0.763, "internal": 0.237})


# --- dimension and source scores


def test_item_weights_by_hand() -> None:
    assert WEIGHTS["open"].to_dict() == {"a": 0.25, "b": 0.25, "c": 0.5, "d": 0}
    assert WEIGHTS["fair"].to_dict() == {"a": 0, "b": 0, "c": 0, "d": 1}
    assert WEIGHTS["score"].to_dict() == {"a": 0.0625, "b": 0.0625, "c": 0.125, "d": 0.75}


def test_scores_are_weighted_means_of_item_means() -> None:
    table = table_of(scored([1, 3], a=[40, 80], b=[0, 100], c=[50, 50], d=[20, 100]))
    # item means 70, 75, 50, 80
    assert table.loc["open", "estimate"] == pytest.approx(0.25 * 70 + 0.25 * 75 + 0.5 * 50)
    assert table.loc["fair", "estimate"] == pytest.approx(80)
    assert table.loc["score", "estimate"] == pytest.approx((61.25 + 3 * 80) / 4)


def test_item_means_have_their_own_denominators() -> None:
    table = table_of(scored(a=[0, None, 100], b=[50, 50, 50], c=[50, 50, 50], d=[10, 20, 30]))
    assert table.loc["open", "estimate"] == pytest.approx(50), "a is 50 among the two who answered it"
    assert table["n"].tolist() == [3, 3, 3], "everybody answered something in each"


def test_an_item_that_nobody_answered_gives_its_weight_to_its_dimension() -> None:
    table = table_of(scored(a=[40, 80], b=[None, None], c=[50, 50], d=[20, 100]))
    assert table.loc["open", "estimate"] == pytest.approx((0.25 * 60 + 0.5 * 50) / 0.75)
    assert table.loc["score", "estimate"] == pytest.approx(((0.25 * 60 + 0.5 * 50) / 0.75 + 3 * 60) / 4)


def test_a_dimension_without_answers_leaves_no_source_score() -> None:
    table = table_of(scored(a=[40, 80], b=[50, 50], c=[50, 50], d=[None, None]))
    assert table.loc["open", "estimate"] == pytest.approx(52.5)
    assert table.loc[["fair", "score"], ["estimate", "se", "ci_low", "ci_high"]].isna().all(axis=None)
    assert table.loc["fair", "n"] == 0


@pytest.mark.parametrize("d", [[20, 100], [None, 90], [None, None]])
def test_the_plain_score_is_that_of_equal_weights(d: list) -> None:
    data = scored(a=[40, 80], b=[None, None], c=[50, None], d=d)
    expected = table_of(data).loc["score", "estimate"]
    assert plain_score(data, WEIGHTS) == pytest.approx(expected, nan_ok=True)


def test_no_answer_at_all_is_missing_not_an_error() -> None:
    table = table_of(scored(a=[None] * 2, b=[None] * 2, c=[None] * 2, d=[None] * 2))
    assert table["estimate"].isna().all()
    assert (table["n"] == 0).all()


def test_one_answer_alone_has_no_known_error() -> None:
    data = scored(a=[40], b=[50], c=[50], d=[20])
    table = score_estimates(SurveyDesign(data, "w", lonely_psu="certainty"), WEIGHTS, 0.95).table
    assert table["estimate"].notna().all()
    assert table[["se", "ci_low", "ci_high"]].isna().all(axis=None), "one person is not a certainty"


def test_near_the_end_of_the_scale_an_interval_reaches_further_inwards() -> None:
    table = table_of(scored(a=[100, 90], b=[100, 100], c=[100, 80], d=[100, 99]))
    lower, upper = table["estimate"] - table["ci_low"], table["ci_high"] - table["estimate"]
    assert (lower > upper).all()
    assert (table["ci_high"] < 100).all()


@given(seed=st.integers(0, 200))
def test_variance_of_a_complete_score_is_that_of_persons_scores(seed: int) -> None:
    """Without gaps the source score is the mean of everybody's own score; its error must be that mean's."""
    rng = np.random.default_rng(seed)
    data = pd.DataFrame(rng.uniform(20, 80, (25, 4)), columns=list("abcd")).assign(w=rng.uniform(1, 5, 25))
    data["person"] = data[list("abcd")] @ WEIGHTS["score"]
    ours = table_of(data).loc["score"]
    mean = np.average(data["person"], weights=data["w"])
    influence = data["w"] * (data["person"] - mean) / data["w"].sum()
    assert ours["estimate"] == pytest.approx(mean)
    assert ours["se"] ** 2 == pytest.approx(25 / 24 * (influence**2).sum())


def test_taylor_and_jackknife_agree_with_gaps() -> None:
    rng = np.random.default_rng(3)
    data = pd.DataFrame(rng.uniform(20, 80, (80, 4)), columns=list("abcd")).mask(rng.random((80, 4)) < 0.15)
    data = data.assign(w=rng.uniform(1, 5, 80))
    made = jackknife_replicates(data, "w")
    replicate = ReplicateDesign(data, "w", made.values, "jk1", scale=made.scale)
    jackknife = score_estimates(replicate, WEIGHTS, 0.95).table.set_index("variable")
    np.testing.assert_allclose(jackknife["se"], table_of(data)["se"], rtol=0.03)


# --- the index with its uncertainty

SOURCES = pd.DataFrame(
    {"estimate": [75.0, 90.0, 60.0], "se": [1.0, 2.0, 5.0], "df_design": [100.0, 50.0, 11.0]},
    index=["internal", "external", "expert"],
)
CORRECTIONS = {"correction_conduct": 2.0, "correction_facts": 1.0, "correction_other": 0.5}


def test_index_variance_and_shares_by_hand() -> None:
    index = combine_index(SOURCES, W2024, CORRECTIONS, ["expert"])
    parts = {"internal": 0.305**2, "external": 0.656**2, "expert": 1.835**2}
    total = sum(parts.values())
    assert index.estimate == pytest.approx(0.305 * 75 + 0.328 * 90 + 0.367 * 60 - 3.5)
    assert index.se**2 == pytest.approx(total)
    assert index.se_without_panel**2 == pytest.approx(parts["internal"] + parts["external"])
    assert index.variance_shares == pytest.approx({name: part / total for name, part in parts.items()})
    assert index.df == pytest.approx(
        total**2 / sum(p**2 / d for p, d in zip(parts.values(), (100, 50, 11), strict=True))
    )


def test_interval_with_the_panel_is_the_wider_one() -> None:
    index = combine_index(SOURCES, W2024, CORRECTIONS, ["expert"])
    low, high = index.interval(0.95)
    inner_low, inner_high = index.interval(0.95, with_panel=False)
    assert low < inner_low < index.estimate < inner_high < high


def test_order_of_the_sources_changes_nothing() -> None:
    mixed = combine_index(SOURCES.iloc[[2, 0, 1]], W2024, CORRECTIONS, ["expert"])
    straight = combine_index(SOURCES, W2024, CORRECTIONS, ["expert"])
    assert (mixed.estimate, mixed.se, mixed.df) == pytest.approx((straight.estimate, straight.se, straight.df))


@pytest.mark.parametrize(
    ("variances", "df", "expected", "rationale"),
    [
        ({"a": 4.0}, {"a": 9}, 9, "one part keeps its own"),
        ({"a": 2.0, "b": 2.0}, {"a": 10, "b": 10}, 20, "two equal parts add up"),
        ({"a": 3.0, "b": 1.0}, {"a": 6, "b": 2}, 16 / (9 / 6 + 1 / 2), "V**2 / sum(V_g**2 / df_g)"),
        ({"a": 3.0, "b": 0.0}, {"a": 6, "b": 0}, 6, "a part without variance needs no df"),
        ({"a": 3.0, "b": 1.0}, {"a": 6, "b": 0}, 0, "a part of unknown variance leaves none"),
        ({"a": 0.0}, {"a": 3}, float("inf"), "nothing is uncertain"),
    ],
)
def test_satterthwaite_by_hand(variances: dict, df: dict, expected: float, rationale: str) -> None:
    assert satterthwaite(variances, df) == pytest.approx(expected), rationale


@given(
    variances=st.lists(st.floats(0.01, 100), min_size=1, max_size=5),
    df=st.lists(st.floats(1, 500), min_size=5, max_size=5),
)
def test_satterthwaite_lies_between_the_smallest_and_the_sum(variances: list[float], df: list[float]) -> None:
    names = range(len(variances))
    got = satterthwaite(dict(zip(names, variances, strict=True)), dict(zip(names, df, strict=False)))
    used = df[: len(variances)]
    assert min(used) * (1 - 1e-9) <= got <= sum(used) * (1 + 1e-9)


def test_taylor_variance_is_that_of_the_influence_values() -> None:
    """Binder: the covariance of the summed influence values, by the design alone, is the one of the score."""
    rng = np.random.default_rng(5)
    data = pd.DataFrame(rng.uniform(20, 80, (60, 4)), columns=list("abcd")).mask(rng.random((60, 4)) < 0.2)
    design = SurveyDesign(data.assign(w=rng.uniform(1, 5, 60), h=np.arange(60) % 3, n_pop=200), "w", "h", None, "n_pop")
    influence = score_influence(design, WEIGHTS)
    assert (influence * design.weights[:, None]).sum(axis=0) == pytest.approx(np.zeros(3), abs=1e-12)
    estimate = score_estimates(design, WEIGHTS, 0.95)
    np.testing.assert_allclose(design.covariance(influence), estimate.covariance, rtol=1e-10)


def test_influence_values_stay_inside_the_domain() -> None:
    data = scored([1, 3, 2], a=[40, 80, 0], b=[0, 100, 50], c=[50, 50, 0], d=[20, 100, 70])
    design = SurveyDesign(data, "w").subset([True, True, False])
    influence = score_influence(design, WEIGHTS)
    assert (influence[2] == 0).all()
    expected = score_estimates(design, WEIGHTS, 0.95).covariance
    np.testing.assert_allclose(design.covariance(influence), expected, rtol=1e-10)


def test_a_correction_with_an_error_adds_to_the_variance() -> None:
    plain = combine_index(SOURCES, W2024, CORRECTIONS, ["expert"])
    index = combine_index(SOURCES, W2024, CORRECTIONS, ["expert"], {"correction_conduct": 1.5, "correction_facts": 0.0})
    assert index.estimate == plain.estimate
    assert index.se**2 == pytest.approx(plain.se**2 + 1.5**2)
    assert index.se_without_panel**2 == pytest.approx(plain.se_without_panel**2 + 1.5**2), "it is no panel"
    assert set(index.variance_shares) == {"internal", "external", "expert", "correction_conduct"}
    assert sum(index.variance_shares.values()) == pytest.approx(1)
    assert index.df > plain.df, "an error known from outside brings unlimited degrees of freedom"
