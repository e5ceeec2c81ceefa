"""Rates drawn together: the equation that they solve, the weights that follow, and replicates of them."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import binom

from spi_analysis.errors import WeightingError
from spi_analysis.survey import response_tendency
from spi_analysis.survey.groups import cell_rates
from spi_analysis.survey.weighting import WeightingClasses, adjust_nonresponse, apply_recipe
from spi_analysis.survey.weighting.inputs import classify

SHRUNKEN = WeightingClasses("unit", rates="shrunken")


def test_readiness_solves_its_equation() -> None:
    """Shares 5, 10 and 20 % of 200: variance of the log-odds by moments 0.3177; each deviation b is where the answers
    beyond those expected, ``r - 200 p(b)``, are ``b / 0.3177``.
    """
    answered = pd.Series([10, 20, 40], list("abc"))
    found = response_tendency(pd.Series(200, answered.index), answered)
    chance = 200 * 70 / 600 * (1 - 70 / 600)
    variance = (((answered - 70 / 3) ** 2).sum() - 3 * chance) / (3 * chance**2)
    assert variance == pytest.approx(0.3177, abs=1e-4)
    rate = 1 / (1 + np.exp(-(np.log(70 / 530) + found)))
    assert (answered - 200 * rate).tolist() == pytest.approx((found / variance).tolist())


def test_where_cells_answer_alike_or_not_at_all_none_is_readier() -> None:
    cells = list("abc")
    for answered in ([20, 20, 20], [0, 0, 0], [200, 200, 200]):
        assert (response_tendency(pd.Series(200, cells), pd.Series(answered, cells)) == 0).all()
    with pytest.raises(WeightingError, match="more answered than were invited"):
        response_tendency(pd.Series([1.0]), pd.Series([2.0]))


def test_a_rate_is_the_most_likely_one() -> None:
    """The top of the binomial likelihood times the normal density of the deviation, found by a search."""
    invited, answered = np.array([30.0, 120, 60, 9]), np.array([0.0, 30, 3, 4])
    share = answered.sum() / invited.sum()
    chance = invited * share * (1 - share)
    variance = (((answered - invited * share) ** 2).sum() - chance.sum()) / (chance**2).sum()
    assert variance > 0
    found = cell_rates(invited, answered)
    for n, r, rate in zip(invited, answered, found, strict=True):

        def unlikely(b: float, n: float = n, r: float = r) -> float:
            p = 1 / (1 + (1 - share) / share * np.exp(-b))
            return float(-binom.logpmf(r, n, p) + b**2 / (2 * variance))

        best = minimize_scalar(unlikely, bounds=(-8, 8), method="bounded", options={"xatol": 1e-10}).x
        assert rate == pytest.approx(1 / (1 + (1 - share) / share * np.exp(-best)), rel=1e-5)


def sample_of(invited: list[int], answered: list[int]) -> pd.DataFrame:
    rows = [
        {"unit": name, "base_weight": weight, "disposition": "I" if i < r else "NC"}
        for name, weight, n, r in zip("abcd", [10.0, 10.0, 20.0, 10.0], invited, answered, strict=False)
        for i in range(n)
    ]
    return pd.DataFrame(rows)


def test_weights_are_over_the_rates_and_keep_the_total() -> None:
    sample = sample_of([40, 60, 30], [2, 20, 0])
    ineligible = pd.DataFrame({"unit": ["a", "c"], "base_weight": [10.0, 20.0], "disposition": "NE"})
    sample = pd.concat([sample, ineligible], ignore_index=True)
    weight = apply_recipe(sample, [SHRUNKEN]).weight
    assert weight[sample["disposition"] == "NE"].tolist() == [10, 20], "the known ineligible neither give nor take"
    assert weight.sum() == pytest.approx(sample["base_weight"].sum()), "a unit without an answer is stood for by all"
    (said,) = apply_recipe(sample, [SHRUNKEN]).report["done"].iloc[-1]
    assert said.startswith("1 of 3 classes have no answer"), said
    assert said.endswith("37.5%"), "30 people of weight 20 among 1,600"
    rate = cell_rates(np.array([40, 60, 30]), np.array([2, 20, 0]))
    of_a, of_b = (weight[(sample["unit"] == unit) & (sample["disposition"] == "I")].iloc[0] for unit in "ab")
    assert of_a / of_b == pytest.approx(rate[1] / rate[0])
    assert 2 / 40 < rate[0] < 22 / 130 < rate[1] < 20 / 60, "drawn together, not past each other"


def test_where_all_answer_alike_it_is_one_class() -> None:
    sample = sample_of([40, 60, 30], [10, 16, 7])
    together = adjust_nonresponse(sample.assign(all="all"), "all")
    assert apply_recipe(sample, [SHRUNKEN]).weight.to_numpy() == pytest.approx(together.to_numpy())


def test_with_very_many_people_rates_are_the_observed_ones() -> None:
    invited, answered = np.array([1e7, 3e7, 2e7]), np.array([1e6, 6e6, 9e6])
    assert cell_rates(invited, answered) == pytest.approx(answered / invited, rel=1e-4)


@pytest.mark.parametrize(("answered", "rate"), [([5, 5], 1.0), ([1, 1], 0.2)])
def test_all_or_few_who_answer(answered: list[int], rate: float) -> None:
    assert cell_rates(np.array([5, 5]), np.array(answered)) == pytest.approx([rate, rate])


def test_somebody_must_have_answered() -> None:
    with pytest.raises(WeightingError, match="no respondent"):
        apply_recipe(sample_of([5, 5], [0, 0]), [SHRUNKEN])


def test_a_replicate_has_the_rates_of_the_sample() -> None:
    """Somebody who stands in a replicate three times counts three times; each column keeps its own total."""
    sample = sample_of([40, 60, 30], [2, 20, 3])
    times = np.where(sample.index == sample.index[sample["disposition"] == "I"][0], 3.0, 1.0)
    step = SHRUNKEN.prepare(sample, classify(sample["disposition"]))
    base = sample["base_weight"].to_numpy()[:, None] * np.column_stack([np.ones(len(sample)), times])
    own, replicate = step.apply(base, base).T
    assert own == pytest.approx(apply_recipe(sample, [SHRUNKEN]).weight.to_numpy())
    assert replicate == pytest.approx(own * times * base[:, 1].sum() / (own * times).sum())
