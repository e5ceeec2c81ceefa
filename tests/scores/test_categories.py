"""Categories at their edges, and how sure they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from spi_analysis.params import RoundSetup
from spi_analysis.scores import category_of, category_probabilities, probability_at_least


@pytest.mark.parametrize(
    ("index", "category", "rationale"),
    [
        (0.0, "rentan", "the lowest"),
        (71.53, "rentan", "the press called it waspada; the rule decides"),
        (72.994, "rentan", "published as 72.99"),
        (72.995, "waspada", "published as 73.00"),
        (73.0, "waspada", "the limit belongs to the upper category"),
        (77.994, "waspada", "published as 77.99"),
        (77.995, "terjaga", "published as 78.00"),
        (100.0, "terjaga", "the highest has no limit"),
    ],
)
def test_category_is_that_of_the_published_decimals(
    setup: RoundSetup, index: float, category: str, rationale: str
) -> None:
    assert category_of(index, setup.round.categories) == category, rationale


def test_decimals_decide_what_is_compared(setup: RoundSetup) -> None:
    assert category_of(72.96, setup.round.categories, decimals=1) == "waspada", "published as 73.0"


def test_probabilities_by_hand(setup: RoundSetup) -> None:
    """Estimate at the edge of the first category, infinite df: half lies below it."""
    chances = category_probabilities(72.995, 2.0, float("inf"), setup.round.categories)
    assert chances["rentan"] == pytest.approx(0.5)
    assert chances["waspada"] == pytest.approx(norm.cdf(2.5) - 0.5), "the next edge is 77.995"
    assert sum(chances.values()) == pytest.approx(1)


@given(estimate=st.floats(0, 100), se=st.floats(0, 10), df=st.floats(1, 300))
def test_probabilities_sum_to_one_and_follow_the_estimate(
    setup: RoundSetup, estimate: float, se: float, df: float
) -> None:
    chances = category_probabilities(estimate, se, df, setup.round.categories)
    assert sum(chances.values()) == pytest.approx(1)
    assert all(-1e-12 <= chance <= 1 for chance in chances.values())
    if se == 0:
        assert chances[category_of(estimate, setup.round.categories)] == 1


def test_target_is_reached_when_it_would_be_printed() -> None:
    assert probability_at_least(76, 75.995, 1.0, 20) == pytest.approx(0.5)
    assert probability_at_least(76, 75.995, 0.0, 20) == 1.0
    assert probability_at_least(76, 75.99, 0.0, 20) == 0.0
