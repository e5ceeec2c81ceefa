"""Categories at their edges."""

import pytest

from spi_analysis.params import RoundSetup
from spi_analysis.scores import category_in_year, category_of


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
