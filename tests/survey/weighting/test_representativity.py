"""R-indicators: two groups by hand, variables that do nothing, and what the sampling design adds."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spi_analysis.errors import WeightingError
from spi_analysis.survey.weighting.representativity import r_indicator

# The covariance of the coefficients is that of the last step but one, as in R: in small tables the fifth digit differs.
STOPPED = 1e-4
# Four of each group; 3 of a answer, 1 of b.
TWO = pd.DataFrame({"unit": list("aaaabbbb"), "answered": [1, 1, 1, 0, 1, 0, 0, 0]})


def test_two_groups_by_hand() -> None:
    """Propensities 3/4 and 1/4: S squared = 8 x (1/4)**2 / 7 = 1/14."""
    result = r_indicator(TWO, "unit", "answered")
    assert result.unadjusted == pytest.approx(1 - 2 * (1 / 14) ** 0.5)
    assert result.response_rate == pytest.approx(0.5)
    assert result.cv == pytest.approx((1 / 14) ** 0.5 / 0.5)
    assert result.propensity.tolist() == pytest.approx([0.75] * 4 + [0.25] * 4)


def test_bias_of_two_groups_by_hand() -> None:
    """Each share has variance (3/16)/4; the mean over 8 people is 3/64. 3/64 of 1/14 leaves 11/32."""
    result = r_indicator(TWO, "unit", "answered")
    assert result.bias_factor == pytest.approx(1 - (3 / 64) * 14, rel=STOPPED)
    assert result.value == pytest.approx(1 - 2 * (11 / 32 / 14) ** 0.5, rel=STOPPED)
    assert result.cv_adjusted == pytest.approx((11 / 32 / 14) ** 0.5 / 0.5, rel=STOPPED)


def test_standard_error_of_two_groups_by_hand() -> None:
    """In a census only the shares p, q are uncertain, v = 3/64 each, and S**2 = (p - q)**2 / 4.

    First order: (dS**2/dp)**2 v twice, dS**2/dp = (p - q)/2 = 1/4.
    Second order: 2 tr(BvBv) with B = ((1, -1), (-1, 1)) / 4,
    tr(BB) = 1/4. Divided by S**2 = 1/16.
    """
    v = 3 / 64
    variance = (2 * v / 16 + 2 * v**2 / 4) * 16
    result = r_indicator(TWO, "unit", "answered")
    assert result.se == pytest.approx(variance**0.5, rel=STOPPED)
    assert result.cv_se == pytest.approx((variance + result.cv**4 / 8) ** 0.5), (
        "a quarter of it over 0.5**2, and cv**4/n"
    )


def test_one_variable_carries_all_of_it() -> None:
    result = r_indicator(TWO, "unit", "answered")
    row = result.partials.set_index("variable").loc["unit"]
    assert row["unconditional_unadjusted"] == pytest.approx(0.25)
    assert row["conditional_unadjusted"] == pytest.approx(0.25), "given nothing else, within is all"
    assert row["unconditional"] == pytest.approx(0.25 * (11 / 32) ** 0.5, rel=STOPPED)
    assert row["unconditional_se"] == pytest.approx(result.se / 2), "the model of the variable alone is the model"
    assert result.categories["unconditional"].tolist() == pytest.approx([0.25 * 0.5**0.5, -0.25 * 0.5**0.5])
    assert result.categories["conditional"].tolist() == pytest.approx([0.25 * 0.5**0.5] * 2)
    assert result.categories["n"].tolist() == [4, 4]


def test_standard_error_of_a_category_by_hand() -> None:
    """Weight 2: N = 16, n = 8. Var of a total of y: N**2 (1 - n/N) s**2 / n = 16 s**2, s**2 of (3/4 x 4, 0 x 4)."""
    result = r_indicator(TWO.assign(w=2.0), "unit", "answered", "w")
    mine, rest = (16 * (p**2 * 8 / 4 / 7) for p in (0.75, 0.25))
    by_hand = (8 / 16 * (mine * (1 / 8 - 1 / 16) ** 2 + rest / 16**2)) ** 0.5
    assert result.categories["unconditional_se"][0] == pytest.approx(by_hand)


def test_no_difference_is_full_representativity() -> None:
    result = r_indicator(TWO.assign(answered=[1, 0] * 4), "unit", "answered")
    assert result.value == result.unadjusted == 1
    assert np.isnan(result.se)


def crossed(seed: int = 0, n: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    people = pd.DataFrame(
        {"unit": rng.choice(list("abc"), n), "sex": rng.choice(["f", "m"], n), "region": rng.choice(list("no"), n)}
    )
    share = people["unit"].map({"a": 0.3, "b": 0.5, "c": 0.7})
    return people.assign(answered=rng.random(n) < share, w=people["region"].map({"n": 3.0, "o": 8.0}))


def test_a_variable_that_does_nothing_has_no_part() -> None:
    """Both sexes are answered for alike in each unit: sex adds nothing, within units or without."""
    people = pd.concat([TWO.assign(sex="f"), TWO.assign(sex="m")], ignore_index=True)
    rows = r_indicator(people, "unit + sex", "answered").partials.set_index("variable")
    assert rows.loc["sex", ["unconditional", "conditional"]].tolist() == pytest.approx([0, 0], abs=1e-7)
    assert rows.loc["unit", "conditional_unadjusted"] == pytest.approx(0.25)


def test_variables_outside_the_model() -> None:
    """Within the cells of the model propensities do not differ, so another variable has an unconditional part only."""
    rows = r_indicator(crossed(), "unit", "answered", other_variables=["sex"]).partials.set_index("variable")
    assert list(rows.index) == ["unit", "sex"]
    assert rows.loc["sex", "conditional"] == pytest.approx(0, abs=1e-12)
    assert rows.loc["sex", "unconditional"] > 0


@settings(max_examples=20)
@given(seed=st.integers(0, 100))
def test_partials_never_exceed_the_whole(seed: int) -> None:
    result = r_indicator(crossed(seed), "unit + sex", "answered", "w")
    spread = (1 - result.unadjusted) / 2
    parts = result.partials[["unconditional_unadjusted", "conditional_unadjusted"]]
    assert (parts.to_numpy() <= spread * (1 + 1e-9)).all()
    assert (result.partials["unconditional"] <= result.partials["unconditional_unadjusted"]).all()
    assert result.value >= result.unadjusted
    squares = (result.categories["unconditional"] ** 2).groupby(result.categories["variable"]).sum() ** 0.5
    whole = result.partials.set_index("variable")["unconditional_unadjusted"]
    assert squares[whole.index].tolist() == pytest.approx(whole.tolist())


@settings(max_examples=20)
@given(seed=st.integers(0, 100))
def test_order_and_labels_change_nothing(seed: int) -> None:
    people = crossed(seed)
    first = r_indicator(people, "unit * sex", "answered", "w", stratum="region")
    mixed = people.sample(frac=1, random_state=seed).assign(
        unit=lambda t: t["unit"].map({"a": "z", "b": "y", "c": "x"})
    )
    second = r_indicator(mixed, "unit * sex", "answered", "w", stratum="region")
    for name in ("value", "unadjusted", "se", "cv", "cv_se"):
        assert getattr(second, name) == pytest.approx(getattr(first, name), rel=1e-6)
    ours, theirs = (r.partials.drop(columns="variable").to_numpy() for r in (first, second))
    np.testing.assert_allclose(theirs, ours, rtol=1e-6)


def test_people_of_one_weight_are_a_stratum_where_none_is_named() -> None:
    people = crossed()
    named = r_indicator(people, "unit", "answered", "w", stratum="region")
    assert r_indicator(people, "unit", "answered", "w").se == pytest.approx(named.se)


def test_sampling_adds_to_the_error_and_unequal_weights_have_their_formula() -> None:
    people = crossed().assign(one=1.0, ten=10.0, uneven=lambda t: 10 + np.arange(len(t)) % 40 / 40)
    census, sampled, uneven = (r_indicator(people, "unit", "answered", w).se for w in ("one", "ten", "uneven"))
    assert sampled > census
    assert uneven == pytest.approx(sampled, rel=0.05), "almost equal weights, almost the same error"
    in_strata = r_indicator(people.assign(s="all"), "unit", "answered", "uneven", stratum="s").se
    assert in_strata == pytest.approx(uneven), "weights differ inside the stratum"


def test_linear_and_logistic_agree_where_cells_are_free() -> None:
    people = crossed()
    linear = r_indicator(people, "unit * sex", "answered", link="linear")
    logistic = r_indicator(people, "unit * sex", "answered")
    assert linear.unadjusted == pytest.approx(logistic.unadjusted, rel=1e-6)
    assert linear.se == pytest.approx(logistic.se, rel=0.1)


def test_ineligible_and_weightless_are_left_out() -> None:
    people = TWO.assign(status=np.where(TWO["answered"] == 1, "I", "R"), w=1.0)
    more = pd.concat([people, people.assign(status="NE"), people.assign(status="UO", w=0.0)], ignore_index=True)
    result = r_indicator(more, "unit", "status", "w")
    assert result.value == pytest.approx(r_indicator(TWO, "unit", "answered").value)
    assert result.propensity.isna().tolist() == [False] * 8 + [True] * 16


def test_numbers_and_dotted_names() -> None:
    people = crossed().assign(age=np.arange(400) % 7).rename(columns={"sex": "sex.at.birth"})
    result = r_indicator(people, "age + C(`sex.at.birth`)", "answered", other_variables=["unit"])
    assert result.partials["variable"].tolist() == ["age", "sex.at.birth", "unit"]
    assert (result.categories["variable"] == "age").sum() == 7
    assert result.partials["unconditional_se"].notna().all()


@pytest.mark.parametrize(
    ("people", "arguments", "parts"),
    [
        (crossed(), {"formula": "unit", "stratum": "regoin"}, ["a column is missing", "did you mean 'region'?"]),
        (crossed(), {"formula": "unit", "link": "logt"}, ["a link is not known"]),
        (crossed(), {"formula": "unit", "other_variables": ["sxe"]}, ["a column is missing", "did you mean 'sex'?"]),
        (
            crossed().assign(s=["x", *["y"] * 399], w=4.0),
            {"formula": "unit", "weight": "w", "stratum": "s"},
            ["a stratum has one person", "key x"],
        ),
        (
            crossed().assign(s=[None, *["y"] * 399]),
            {"formula": "unit", "stratum": "s"},
            ["a grouping value is missing"],
        ),
        (crossed().assign(answered=0), {"formula": "unit"}, ["no response to model"]),
        (
            TWO.head(2).assign(unit=["a", "b"], answered=[1, 0]),
            {"formula": "unit", "link": "linear"},
            ["no degrees of freedom"],
        ),
    ],
)
def test_what_cannot_be_done_is_named(people: pd.DataFrame, arguments: dict, parts: list[str]) -> None:
    with pytest.raises(WeightingError) as caught:
        r_indicator(people, **{"status": "answered", **arguments})
    assert all(part in str(caught.value) for part in parts), str(caught.value)
