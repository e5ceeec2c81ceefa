"""The design: by hand, against R, domains, calibration, and what cannot be a design."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spi_analysis.errors import EstimationError
from spi_analysis.survey.estimation import ReplicateDesign, SurveyDesign, estimate_mean, estimate_ratio, estimate_total

# Two strata of 10 and 30 people, two of each in the sample.
HAND = pd.DataFrame({"h": ["a", "a", "b", "b"], "N": [10, 10, 30, 30], "w": [5.0, 5, 15, 15], "y": [2.0, 4, 10, 16]})

# Four of 10 clusters, 2 or 3 people of 4 to 8 in each.
# R 4.2.2, survey 4.1-1 (Debian), 2026-11-21: s <- svydesign(id=~cluster+unit, fpc=~N+M, weights=~w, data=d)
CLUSTERS = pd.DataFrame(
    {
        "cluster": [1, 1, 1, 2, 2, 3, 3, 3, 4, 4],
        "unit": range(1, 11),
        "N": 10,
        "M": [6, 6, 6, 5, 5, 8, 8, 8, 4, 4],
        "m": [3, 3, 3, 2, 2, 3, 3, 3, 2, 2],
        "y": [3.0, 5, 4, 8, 6, 2, 1, 3, 7, 9],
        "x": [2.0, 3, 3, 5, 4, 1, 1, 2, 4, 6],
        "g": list("abaabbabab"),
    }
).assign(w=lambda d: 10 / 4 * d["M"] / d["m"])


def two_stage() -> SurveyDesign:
    return SurveyDesign(CLUSTERS, "w", psu=["cluster", "unit"], pop_size=["N", "M"])


def test_stratified_mean_and_its_error_by_hand() -> None:
    """(10 * 3 + 30 * 13) / 40; (10/40)**2 (1 - 2/10) 2/2 + (30/40)**2 (1 - 2/30) 18/2."""
    row = estimate_mean(SurveyDesign(HAND, "w", stratum="h", pop_size="N"), "y").table.iloc[0]
    assert row["estimate"] == pytest.approx(10.5)
    assert row["se"] ** 2 == pytest.approx(0.0625 * 0.8 * 1 + 0.5625 * (28 / 30) * 9)
    assert (row["df_design"], row["n"]) == (2, 4)


def test_fractions_stand_for_population_sizes() -> None:
    fractions = HAND.assign(f=[0.2, 0.2, 2 / 30, 2 / 30])
    ours, theirs = (
        estimate_mean(SurveyDesign(data, "w", stratum="h", pop_size=size), "y").table["se"][0]
        for data, size in ((HAND, "N"), (fractions, "f"))
    )
    assert ours == pytest.approx(theirs)


def test_census_with_fpc_has_no_sampling_error() -> None:
    census = HAND.assign(N=2, w=1.0)
    assert estimate_mean(SurveyDesign(census, "w", stratum="h", pop_size="N"), "y").table["se"][0] == 0.0


@pytest.mark.parametrize(
    ("estimate", "value", "se"),
    [
        (lambda d: estimate_mean(d, "y"), 4.6521739130434785, 1.1025253604443603),
        (lambda d: estimate_total(d, "y"), 267.5, 34.635001563928554),
        (lambda d: estimate_ratio(d, "y", "x"), 1.546987951807228923, 0.031630730896675195),
        (lambda d: estimate_mean(d.subset(CLUSTERS["g"] == "a"), "y"), 4.5373134328358207, 1.3003797956929508),
        (lambda d: estimate_mean(d.subset(CLUSTERS["g"] == "b"), "y"), 4.7605633802816900, 1.2211434262657175),
    ],
)
def test_two_stage_sample_is_that_of_r(estimate, value: float, se: float) -> None:
    row = estimate(two_stage()).table.iloc[0]
    assert row["estimate"] == pytest.approx(value, rel=1e-9)
    assert row["se"] == pytest.approx(se, rel=1e-9)


@pytest.mark.parametrize(
    ("options", "se"),
    [
        ({"psu": "cluster", "pop_size": "N"}, 1.0879118018053682),
        ({"psu": ["cluster", "unit"]}, 1.4044880968448981),
    ],
)
def test_one_stage_and_with_replacement_are_those_of_r(options: dict, se: float) -> None:
    assert estimate_mean(SurveyDesign(CLUSTERS, "w", **options), "y").table["se"][0] == pytest.approx(se, rel=1e-9)


def test_calibration_after_calibration_is_that_of_r() -> None:
    """c1 <- calibrate(s, ~g, c(60, 32)); c2 <- calibrate(c1, ~x, c(60, 190)); svymean(~y, c2), svytotal(~y, c2)."""
    twice = two_stage().calibrated({"g": {"a": 28, "b": 32}}).calibrated({"(intercept)": 60, "x": 190})
    mean, total = estimate_mean(twice, "y").table.iloc[0], estimate_total(twice, "y").table.iloc[0]
    assert (mean["estimate"], mean["se"]) == pytest.approx((4.904486655482935831, 0.088561130740498983), rel=1e-7)
    assert (total["estimate"], total["se"]) == pytest.approx((294.2691993289761285, 5.4080520553204963), rel=1e-7)


def test_error_after_raking_is_that_of_r_calibrate() -> None:
    """R 4.2.2, survey 4.1-1 (Debian), 2026-11-22: s <- svydesign(id = ~1, weights = ~w, data = d);
    svymean(~y, calibrate(s, ~g + h, c(32, 16, 17), calfun = "raking", epsilon = 1e-12, maxit = 500)). With these
    unequal weights R's rake() has the same mean and another error, 0.60778.
    """
    data = pd.DataFrame({"w": [2.0, 3, 1, 4, 2, 2, 3, 1, 2, 3, 4, 2], "y": [1.0, 3, 2, 5, 4, 6, 8, 7, 9, 5, 6, 2]})
    data = data.assign(g=list("aabbabababab"), h=list("xyxyxxyyxyxy"))
    raked = SurveyDesign(data, "w").calibrated({"g": {"a": 16, "b": 16}, "h": {"x": 15, "y": 17}}, "raking")
    row = estimate_mean(raked, "y").table.iloc[0]
    assert (row["estimate"], row["se"]) == pytest.approx((4.9584305782313294, 0.59644767092138773), rel=1e-9)


def test_totals_that_were_calibrated_to_are_certain() -> None:
    design = two_stage().calibrated({"(intercept)": 60, "x": 190})
    row = estimate_total(design, "x").table.iloc[0]
    assert row["estimate"] == pytest.approx(190)
    assert row["se"] == pytest.approx(0, abs=1e-9)


def test_domain_is_not_a_filtered_design() -> None:
    """SRS of 4 from 40 without replacement; the domain are three of them, y = 2, 4, 9 (mean 5).

    Full design: influences (y-5)/(10*3) of weight 10, 0 outside; (1-0.1) 4/3 (9 + 1 + 16) / 3**2.
    Filtered: (1 - 3/40) 3/2 (9 + 1 + 16) / 3**2, as if it had been known that three would be there.
    """
    data = pd.DataFrame({"y": [2.0, 4, 9, 7], "w": 10.0, "N": 40})
    inside = np.array([True, True, True, False])
    full = estimate_mean(SurveyDesign(data, "w", pop_size="N").subset(inside), "y").table.iloc[0]
    filtered = estimate_mean(SurveyDesign(data[inside], "w", pop_size="N"), "y").table.iloc[0]
    assert full["se"] ** 2 == pytest.approx(0.9 * 4 / 3 * 26 / 9)
    assert filtered["se"] ** 2 == pytest.approx(37 / 40 * 3 / 2 * 26 / 9)
    assert full["estimate"] == filtered["estimate"] == 5


@given(seed=st.integers(0, 500))
def test_order_and_names_of_rows_strata_and_units_change_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mixed = CLUSTERS.iloc[rng.permutation(10)].reset_index(drop=True)
    names = dict(zip(range(1, 5), rng.permutation(list("wxyz")), strict=True))
    mixed = mixed.assign(cluster=mixed["cluster"].map(names))
    ours = estimate_mean(SurveyDesign(mixed, "w", psu=["cluster", "unit"], pop_size=["N", "M"]), "y", by="g").table
    theirs = estimate_mean(two_stage(), "y", by="g").table
    np.testing.assert_allclose(ours[["estimate", "se"]], theirs[["estimate", "se"]], rtol=1e-10)


def test_nested_codes_are_units_of_their_own() -> None:
    data = pd.DataFrame({"h": [1, 1, 2, 2], "psu": [1, 2, 1, 2], "w": 1.0, "y": [1.0, 2, 3, 5]})
    nested = SurveyDesign(data, "w", stratum="h", psu="psu", nest=True)
    assert nested.df() == 2
    named = SurveyDesign(data.assign(psu=[1, 2, 3, 4]), "w", stratum="h", psu="psu")
    assert estimate_mean(nested, "y").table["se"][0] == estimate_mean(named, "y").table["se"][0]


def test_rows_without_weight_do_not_add_degrees_of_freedom() -> None:
    data = HAND.assign(w=[5.0, 5, 15, 0])
    assert SurveyDesign(data, "w", stratum="h").df() == 1, "three units in two strata have weight, as R's degf counts"


def test_design_is_immutable_and_domains_intersect() -> None:
    design = SurveyDesign(HAND, "w", stratum="h")
    part = design.subset(HAND["y"] > 3).subset(HAND["y"] < 12)
    assert part.in_domain.tolist() == [False, True, True, False]
    assert design.in_domain.all()
    with pytest.raises(AttributeError):
        design.weights = np.ones(4)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("data", "options", "parts"),
    [
        (HAND, {"weight": "ww"}, ["a column is missing", "column ww", "did you mean 'w'?"]),
        (HAND, {"lonely_psu": "averge"}, ["unknown lonely_psu rule", "did you mean 'average'?"]),
        (HAND.assign(p=[1, 2, 1, 2]), {"stratum": "h", "psu": "p"}, ["lies in two strata", "got: 1", "nest=True"]),
        (HAND.assign(p=[1, None, 3, 4]), {"psu": "p"}, ["a sampling unit is missing", "row 2, column p"]),
        (HAND.assign(h=["a", "a", None, "b"]), {"stratum": "h"}, ["a stratum is missing", "row 3, column h"]),
        (
            HAND.assign(N=[10, 10, 1.5, 1.5]),
            {"stratum": "h", "pop_size": "N"},
            ["smaller than the sample", "row 3", "at least 2"],
        ),
        (HAND.assign(N=[10, 11, 30, 30]), {"stratum": "h", "pop_size": "N"}, ["differs inside a stratum", "column N"]),
        (HAND.assign(N="x"), {"pop_size": "N"}, ["population size is not a number", "column N"]),
        (HAND, {"pop_size": ["N", "N"]}, ["more population sizes than stages", "at most 1"]),
        (HAND, {"stratum": ["h", "h"]}, ["more strata than stages", "at most 1"]),
    ],
)
def test_what_cannot_be_a_design_is_explained(data: pd.DataFrame, options: dict, parts: list[str]) -> None:
    with pytest.raises(EstimationError) as caught:
        SurveyDesign(data, **{"weight": "w", **options})
    assert all(part in str(caught.value) for part in parts), str(caught.value)


def test_lonely_unit_is_named_with_the_ways_out() -> None:
    lonely = HAND.assign(h=["a", "a", "b", "c"])
    with pytest.raises(EstimationError, match="single primary unit") as caught:
        estimate_mean(SurveyDesign(lonely, "w", stratum="h"), "y")
    assert len(caught.value.problems) == 2
    assert all(part in str(caught.value) for part in ("key b", "key c", 'lonely_psu="certainty"'))


def test_mask_of_another_length_is_refused() -> None:
    with pytest.raises(EstimationError, match="another length") as caught:
        SurveyDesign(HAND, "w").subset(np.ones(3, dtype=bool))
    assert "(3,)" in str(caught.value)


def test_mask_is_matched_by_its_labels_not_by_its_place() -> None:
    data = HAND.set_index(pd.Index([11, 12, 13, 14]))
    shuffled = (data["y"] > 3).loc[[14, 12, 11, 13]]
    assert SurveyDesign(data, "w").subset(shuffled).in_domain.tolist() == [False, True, True, True]


def test_mask_of_nullable_truth_values_is_a_mask() -> None:
    mask = (HAND["y"] > 3).astype("boolean")
    assert SurveyDesign(HAND, "w").subset(mask).in_domain.tolist() == [False, True, True, True]


@pytest.mark.parametrize(
    ("mask", "parts"),
    [
        (pd.Series([True] * 4, index=[1, 2, 3, 4]), ["other rows", "key 4", "1 of them not in the table"]),
        (pd.Series([True] * 4, index=[0, 0, 1, 2]), ["other rows", "each once"]),
        (pd.Series([True, None, False, None]), ["missing value", "row 2", "2 of 4", "fillna(False)"]),
        (pd.Series([True, None, False, True], dtype="boolean"), ["missing value", "row 2"]),
        (np.array([1.0, 0.0, np.nan, 1.0]), ["missing value", "row 3"]),
        (pd.Series(["yes", "no", "no", "yes"]), ["not true or false", "row 1", "got: yes"]),
    ],
)
def test_mask_that_does_not_say_who_is_inside_is_refused(mask, parts: list[str]) -> None:
    with pytest.raises(EstimationError) as caught:
        SurveyDesign(HAND, "w").subset(mask)
    assert all(part in str(caught.value) for part in parts), str(caught.value)


def test_domain_is_taken_after_calibration_not_before() -> None:
    """The totals are those of the population: the domain's rows alone would not meet them."""
    replicates = ReplicateDesign(HAND, "w", np.column_stack([HAND["w"] * f for f in (0.9, 1.1)]))
    for design in (SurveyDesign(HAND, "w", stratum="h"), replicates):
        part = design.subset(HAND["y"] > 3)
        for call in (
            lambda part=part: part.calibrated({"(intercept)": 200}),
            lambda part=part: part.post_stratified("h", {"a": 20, "b": 180}),
        ):
            with pytest.raises(EstimationError, match="3 of 4 rows") as caught:
                call()
            assert "calibrate first, then take the domain" in str(caught.value)
    later = SurveyDesign(HAND, "w", stratum="h").calibrated({"(intercept)": 200}).subset(HAND["y"] > 3)
    assert later.weights.sum() == pytest.approx(200)


def test_further_columns_are_matched_by_their_labels() -> None:
    design = SurveyDesign(HAND, "w")
    shuffled = pd.DataFrame({"x": [1.0, 2, 3, 4], "y": [5.0, 6, 7, 8]}, index=[3, 1, 0, 2])
    assert design.with_columns(shuffled).data["x"].tolist() == [3, 2, 4, 1]
    assert design.with_columns(shuffled).data["y"].tolist() == [7, 6, 8, 5]
    for other in (shuffled.set_axis([5, 1, 0, 2]), shuffled.iloc[:3], shuffled.set_axis([0, 0, 1, 2])):
        with pytest.raises(EstimationError, match="other rows than the design's table"):
            design.with_columns(other)
