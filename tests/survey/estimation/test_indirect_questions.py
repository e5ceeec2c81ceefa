"""Lists, crossed questions and their checks against papers, counts by hand and R's survey."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from scipy.stats import t as student

from spi_analysis.errors import EstimationError
from spi_analysis.survey import (
    ReplicateDesign,
    SurveyDesign,
    crosswise,
    detectable_gap,
    jackknife_replicates,
    list_checks,
    list_experiment,
)


def counted(*cells: tuple[int, ...]) -> pd.DataFrame:
    """Rows of (direct, long, number), each as often as its count says."""
    rows = [cell[:3] for cell in cells for _ in range(cell[3])]
    return pd.DataFrame(rows, columns=["direct", "long", "number"]).assign(w=1.0)


# The data combinedListExps of the R package list 9.2.6 (Aronow, Coppock, Crawford & Green 2015, study A): complete
# rows of those asked directly first. The package's own test prints 0.66561842, 1.053962 and 0.06626651.
ARONOW = counted(
    (0, 0, 1, 3), (0, 0, 2, 30), (0, 0, 3, 36), (0, 0, 4, 27), (0, 1, 2, 26), (0, 1, 3, 31), (0, 1, 4, 17),
    (0, 1, 5, 2), (1, 0, 1, 2), (1, 0, 2, 35), (1, 0, 3, 69), (1, 0, 4, 53), (1, 1, 2, 7), (1, 1, 3, 42),
    (1, 1, 4, 40), (1, 1, 5, 80),
)  # fmt: skip
WEIGHTED = ARONOW.assign(w=1.0 + np.arange(len(ARONOW)) % 4, h=np.arange(len(ARONOW)) % 5)
# The list of 1991 on a black family next door: Blair & Imai (2012), table 1 (data race of the same package).
RACE = pd.concat([
    pd.DataFrame({"number": np.repeat([0, 1, 2, 3], [8, 132, 222, 227]), "long": 0}),
    pd.DataFrame({"number": np.repeat([0, 1, 2, 3, 4], [19, 123, 229, 219, 34]), "long": 1}),
], ignore_index=True).assign(w=1.0)  # fmt: skip
# tests/reference/indirect.R by R 4.2.2, survey 4.1-1, 2026-11-29.
R_ESTIMATES = [0.7422254317497, 0.6560000000000, 0.6691263157895, 0.0131263157895, 0.0406660949114, 0.0679122364944]
R_ERRORS = [0.0916137499697, 0.0233866404063, 0.0535405814200, 0.0486540543390, 0.1026595146940, 0.0466211029813]
R_JACKKNIFE = [0.0919235802667, 0.0234024057255, 0.0539496978749, 0.0490989668265, 0.1032935832668, 0.0467785684530]
ROWS = ["list", "direct", "combined", "gap"]
PLACEBO = ["placebo_yes", "placebo_arm"]


def test_combined_estimator_gives_the_figure_of_its_authors() -> None:
    found = list_experiment(SurveyDesign(ARONOW, "w"), "number", "long", "direct").table
    assert found["variable"].tolist() == ROWS
    assert found["estimate"].iloc[2] == pytest.approx(0.66561842, abs=5e-9)
    assert found["estimate"].iloc[1] == 328 / 500
    checks = list_checks(SurveyDesign(ARONOW, "w"), "number", "long", 4, "direct").set_index("check")
    assert checks.loc["placebo_yes", "estimate"] + 1 == pytest.approx(1.053962, abs=5e-7)
    assert checks.loc["placebo_arm", "estimate"] == pytest.approx(0.06626651, abs=5e-9)
    assert checks.loc["placebo_yes", "n"] == 328


def test_weights_and_strata_give_the_errors_of_r() -> None:
    design = SurveyDesign(WEIGHTED, "w", stratum="h")
    found = list_experiment(design, "number", "long", "direct").table
    checks = list_checks(design, "number", "long", 4, "direct").set_index("check").loc[PLACEBO]
    np.testing.assert_allclose([*found["estimate"], *checks["estimate"]], R_ESTIMATES, rtol=1e-9)
    np.testing.assert_allclose([*found["se"], *checks["se"]], R_ERRORS, rtol=1e-7)


def test_replicates_give_the_errors_of_r() -> None:
    made = jackknife_replicates(WEIGHTED, "w", stratum="h")
    design = ReplicateDesign(WEIGHTED, "w", made.values, made.method, made.scale, made.rscales, mse=False)
    found = list_experiment(design, "number", "long", "direct").table
    np.testing.assert_allclose(found["se"], R_JACKKNIFE[:4], rtol=1e-7)
    checks = list_checks(design, "number", "long", 4, "direct").set_index("check").loc[PLACEBO]
    np.testing.assert_allclose(checks["se"], R_JACKKNIFE[4:], rtol=1e-7)


def test_simple_list_is_the_difference_printed_for_1991() -> None:
    """Blair & Imai (2012), table 3: 6.8 percent; two groups of independent rows, (n - 1) in each by Taylor's n."""
    found = list_experiment(SurveyDesign(RACE, "w"), "number", "long").table
    assert found["variable"].tolist() == ["list"]
    assert round(100 * found["estimate"].iloc[0], 1) == 6.8
    spread = sum(RACE.loc[RACE["long"] == z, "number"].var(ddof=0) / n for z, n in ((0, 589), (1, 624)))
    assert found["se"].iloc[0] == pytest.approx((spread * 1213 / 1212) ** 0.5)
    assert found["n"].iloc[0] == 1213


def test_changed_answers_of_1991_are_found_as_printed() -> None:
    """Pr(V <= 0) is 8/589 without and 19/624 with the item: a type of people of -1.7 percent (Blair & Imai, table 3).

    Two more types (1.0 and 2.0 percent, t of 0.4 and 0.7) are near 0; those without the item are far above.
    """
    checks = list_checks(SurveyDesign(RACE, "w"), "number", "long", 3).set_index("check")
    share = 8 / 589 - 19 / 624
    assert checks.loc["design_effect", "estimate"] == pytest.approx(share)
    assert round(100 * share, 1) == -1.7
    variance = sum(p * (1 - p) / n for p, n in ((8 / 589, 589), (19 / 624, 624))) * 1213 / 1212
    assert checks.loc["design_effect", "p_value"] == pytest.approx(3 * student.cdf(share / variance**0.5, 588))
    assert checks.loc["floor", "estimate"] == pytest.approx(8 / 589)
    assert checks.loc["ceiling", "estimate"] == pytest.approx(227 / 589)
    assert checks.loc[["floor", "ceiling"], "p_value"].isna().all()


def test_shares_that_all_lie_far_above_zero_are_no_alarm() -> None:
    """Half of each group at 1 of one item, and every long list one higher for half: types of 25 percent of 400."""
    numbers = np.r_[np.repeat([0, 1], 200), np.repeat([0, 1, 2], [100, 200, 100])]
    people = pd.DataFrame({"number": numbers, "long": np.repeat([0, 1], 400), "w": 1.0})
    checks = list_checks(SurveyDesign(people, "w"), "number", "long", 1).set_index("check")
    assert checks.loc["design_effect", ["estimate", "p_value"]].tolist() == pytest.approx([0.25, 1.0])


def test_a_refusal_is_in_no_mean_and_is_counted() -> None:
    gaps = RACE.astype(float)
    gaps.loc[[0, 600, 601], "number"] = np.nan
    found = list_experiment(SurveyDesign(gaps, "w"), "number", "long").table
    rest = RACE.drop(index=[0, 600, 601])
    difference = rest.loc[rest["long"] == 1, "number"].mean() - rest.loc[rest["long"] == 0, "number"].mean()
    assert found["estimate"].iloc[0] == pytest.approx(difference)
    assert found["n"].iloc[0] == 1210
    checks = list_checks(SurveyDesign(gaps, "w"), "number", "long", 3).set_index("check")
    assert checks.loc["refusals", "estimate"] == pytest.approx(2 / 624 - 1 / 589)


def test_domains_are_those_of_a_table_for_each() -> None:
    data = ARONOW.assign(unit=np.where(np.arange(500) % 3, "a", "b"))
    both = list_experiment(SurveyDesign(data, "w"), "number", "long", "direct", by="unit").table
    assert both[["variable", "unit"]].iloc[:3].to_numpy().tolist() == [["list", "a"], ["list", "b"], ["direct", "a"]]
    for unit in ("a", "b"):
        alone = list_experiment(SurveyDesign(data[data["unit"] == unit], "w"), "number", "long", "direct").table
        part = both[both["unit"] == unit]
        np.testing.assert_allclose(part["estimate"], alone["estimate"])
        assert part["n"].tolist() == alone["n"].tolist()


def test_a_rule_of_disclosure_is_kept() -> None:
    design = SurveyDesign(ARONOW, "w").with_rule(lambda t: t.assign(estimate=t["estimate"].where(t["n"] > 1000)))
    assert list_experiment(design, "number", "long", "direct").table["estimate"].isna().all()
    assert crosswise(design, "long", 0.25).table["estimate"].isna().all()


def test_crosswise_is_the_formula_and_its_error_that_of_r() -> None:
    """p = 0.25 and 65.6 % the same: (0.656 - 0.75) / (-0.5) = 0.188, the error of the mean twice (R: 0.0467733)."""
    found = crosswise(SurveyDesign(WEIGHTED, "w", stratum="h"), "direct", 0.25).table.iloc[0]
    assert found["estimate"] == pytest.approx(0.188)
    assert found["se"] == pytest.approx(0.0467732808127, rel=1e-9)


def test_crosswise_gap_counts_what_both_answers_share() -> None:
    """By hand: deviations of same / (2p - 1) - direct around their mean."""
    rng = np.random.default_rng(5)
    data = pd.DataFrame({"w": 1.0, "same": rng.integers(0, 2, 200), "said": rng.integers(0, 2, 200)})
    found = crosswise(SurveyDesign(data, "w"), "same", 0.25, "said").table.set_index("variable")
    apart = data["same"] / -0.5 - data["said"]
    assert found.loc["gap", "se"] == pytest.approx((apart.var() / 200) ** 0.5)
    assert found.loc["gap", "estimate"] == pytest.approx(found.loc["crosswise", "estimate"] - data["said"].mean())


def test_the_gap_that_shows_solves_its_own_equation() -> None:
    """gap = (z.975 + z.8) sqrt(variance / n), by hand: 540 people, items of SD 1, a tenth who say yes."""
    gap, z = detectable_gap(540, spread=1.0, direct=0.1), norm.ppf(0.975) + norm.ppf(0.8)
    among = gap / 0.9
    variance = 0.9 * (2 + 2 * (1 + among * (1 - among))) + among**2 * 0.09
    assert gap == pytest.approx(z * (variance / 540) ** 0.5)
    assert detectable_gap(540, spread=1.0, direct=0.1, deff=2) == pytest.approx(
        detectable_gap(270, spread=1.0, direct=0.1)
    )
    # Nobody says yes: the variance is that of a share, lambda (1 - lambda) / (2p - 1)**2.
    gap = detectable_gap(540, p=0.25)
    same = 0.75 - 0.5 * gap
    assert gap == pytest.approx(z * (same * (1 - same) / 0.25 / 540) ** 0.5)
    assert detectable_gap(12, spread=1.0) == float("inf")


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda d: list_experiment(d, "half", "long"), "half"),
        (lambda d: list_experiment(d, "number", "number"), "neither 0 nor 1"),
        (lambda d: list_experiment(d.subset(d.data["long"] == 1), "number", "long"), "short list"),
        (lambda d: list_checks(d, "number", "long", 2), "more items apply"),
        (lambda d: list_checks(d, "number", "long", 0), "a list needs items"),
        (lambda d: crosswise(d, "long", 0.5), "not 0.5"),
        (lambda d: detectable_gap(100), "spread or p"),
        (lambda d: detectable_gap(100, spread=1.0, level=2), "level"),
    ],
)
def test_what_cannot_be_is_refused(call, said: str) -> None:
    design = SurveyDesign(RACE.assign(half=0.5), "w")
    with pytest.raises(EstimationError, match=said):
        call(design)
