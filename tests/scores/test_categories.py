"""Categories at their edges, and how sure they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from spi_analysis.params import RoundSetup
from spi_analysis.scores import category_in_year, category_of, category_probabilities, probability_at_least


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


@pytest.mark.parametrize(
    ("year", "index", "category", "rationale"),
    [
        (2022, 77.5, "terjaga", "the commission's guide of 2022: Terjaga from 77.5"),
        (2022, 77.495, "terjaga", "published as 77.50"),
        (2022, 77.4, "waspada", "Waspada to 77.4"),
        (2022, 73.7, "waspada", "Waspada from 73.7"),
        (2022, 73.6, "rentan", "Rentan to 73.6"),
        (2022, 68.0, "rentan", "Rentan from 68"),
        (2022, 67.9, "sangat_rentan", "Sangat Rentan to 67.9"),
        (2022, 67.95, "sangat_rentan", "between two limits: Rentan begins at 68"),
        (2023, 77.5, "waspada", "another rule since the report of 2023"),
        (2023, 78.0, "terjaga", "Terjaga from 78"),
        (2023, 67.9, "rentan", "there is no Sangat Rentan any more"),
        (2024, 71.53, "rentan", "the national index of 2024; the press called it waspada"),
        (2025, 73.0, "waspada", "the rule of 2023 holds until another follows"),
        (2021, 77.5, None, "no rule of 2021 is known"),
    ],
)
def test_the_category_of_a_published_year_is_made_by_the_rule_of_that_year(
    setup: RoundSetup, year: int, index: float, category: str | None, rationale: str
) -> None:
    assert category_in_year(index, year, setup.years) == category, rationale


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
