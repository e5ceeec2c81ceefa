"""Rates with their two denominators, counted by hand."""

import numpy as np
import pytest

from spi_analysis.estimation import SurveyDesign
from spi_analysis.scores import experience_rates
from tests.scores.toys import answers, instrument

# met: yes, yes, yes, no, no, unknown; asked for money: yes, no, don't know, (no question), yes?, yes
GIVEN = answers(met=[1, 1, 1, 0, 0, None], asked=[1, 0, 8, None, 1, 1]).assign(w=1.0)


def rates(data) -> dict[str, tuple[float, int]]:
    table = experience_rates(SurveyDesign(data, "w"), instrument(), "internal", 0.95)
    return {row.domain: (row.estimate, row.n) for row in table.itertuples()}


def test_two_denominators_by_hand() -> None:
    got = rates(GIVEN)
    assert got["contacts"] == (50.0, 2), "of the three with contact two gave an answer, one of them yes"
    assert got["respondents"] == (40.0, 5), "without contact counts as no; contact unknown keeps its own answer"


def test_weights_count() -> None:
    assert rates(GIVEN.assign(w=[3.0, 1, 1, 1, 1, 1]))["contacts"] == (75.0, 2)


def test_limits_are_percent_and_stay_inside() -> None:
    table = experience_rates(SurveyDesign(GIVEN, "w"), instrument(), "internal", 0.95)
    assert table["ci_low"].between(0, 50).all()
    assert table["ci_high"].between(50, 100).all()


def test_nobody_had_contact() -> None:
    got = rates(GIVEN.assign(met=0.0))
    assert got["respondents"] == (0.0, 6)
    assert np.isnan(got["contacts"][0])
    assert got["contacts"][1] == 0


@pytest.mark.parametrize("columns", [["item", "domain", "estimate", "se", "ci_low", "ci_high", "df_design", "n"]])
def test_columns(columns: list[str]) -> None:
    assert list(experience_rates(SurveyDesign(GIVEN, "w"), instrument(), "internal", 0.95).columns) == columns
