"""Rates with their two denominators, counted by hand."""

import numpy as np
import pandas as pd
import pytest

from spi_analysis.scores import experience_rates, institutions_reporting
from spi_analysis.survey.estimation import SurveyDesign
from tests.scores.toys import answers, instrument

# met: yes, yes, yes, no, no, unknown; asked for money: yes, no, don't know, (no question), yes?, yes
GIVEN = answers(met=[1, 1, 1, 0, 0, None], asked=[1, 0, 8, None, 1, 1]).assign(w=1.0)


def rates(data) -> dict[str, tuple[float, int]]:
    table = experience_rates(SurveyDesign(data, "w"), instrument(), "internal", 0.95)
    return {row.denominator: (row.estimate, row.n) for row in table.itertuples()}


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


@pytest.mark.parametrize("columns", [["item", "denominator", "estimate", "se", "ci_low", "ci_high", "df_design", "n"]])
def test_columns(columns: list[str]) -> None:
    assert list(experience_rates(SurveyDesign(GIVEN, "w"), instrument(), "internal", 0.95).columns) == columns


def test_yes_may_begin_below_the_top_of_the_scale() -> None:
    """1 is "never", 3 is "sometimes": from 3 on it happened."""
    given = instrument().model_dump()
    part = given["sources"]["internal"]
    part["contacts"][0] |= {"scale": "five", "yes_from": 2}
    part["experiences"][0] |= {"scale": "five", "yes_from": 3}
    often = type(instrument()).model_validate(given)
    data = answers(met=[1, 2, 5, 5, 8], asked=[None, 1, 3, 5, 9]).assign(w=1.0)
    table = experience_rates(SurveyDesign(data, "w"), often, "internal", 0.95).set_index("denominator")
    assert table.loc["contacts", ["estimate", "n"]].tolist() == [pytest.approx(200 / 3), 3]
    assert table.loc["respondents", ["estimate", "n"]].tolist() == [50, 4]


def test_share_of_institutions_with_a_report() -> None:
    """Four institutions: reports in two, none in one, one hidden; Wilson's interval of 2 of 3 by hand."""
    rates = [40.0, 0.0, 0.1, np.nan]
    table = pd.DataFrame({"source": "internal", "part": "asked", "denominator": "contacts", "estimate": rates})
    table = table.assign(n=[20, 30, 50, 4], status=["shown"] * 3 + ["suppressed"])
    others = table.assign(denominator="respondents", estimate=100.0)
    row = institutions_reporting(pd.concat([table, others]), 0.95).iloc[0]
    assert row["estimate"] == pytest.approx(200 / 3)
    assert (row["n"], row["people"]) == (3, 100)
    z2 = 1.959963985**2
    centre, half = (2 / 3 + z2 / 6) / (1 + z2 / 3), np.sqrt(z2 / 3 * (2 / 9) + z2**2 / 36) / (1 + z2 / 3)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((100 * (centre - half), 100 * (centre + half)))


def test_a_rate_never_counts_more_answers_than_were_given() -> None:
    """Ten answers of weight 0.1, five of them yes, and thirty of weight 1, none: some 500 "effective" answers of 40.

    The limits are Wilson's at p = 0.5/31 with 40 answers and t at 38 degrees of freedom.
    """
    data = answers(met=[1.0] * 40, asked=[1.0] * 5 + [0.0] * 35).assign(
        w=[0.1] * 10 + [1.0] * 30, h=[1] * 10 + [2] * 30
    )
    design = SurveyDesign(data, "w", stratum="h")
    row = experience_rates(design, instrument(), "internal", 0.95).set_index("denominator").loc["contacts"]
    p, n, q = 0.5 / 31, 40, 2.024394164  # t of 38 df at 0.975, from a table
    assert row["estimate"] == pytest.approx(100 * p)
    assert p * (1 - p) / (row["se"] / 100) ** 2 > 400
    centre, half = (
        (p + q**2 / (2 * n)) / (1 + q**2 / n),
        q / (1 + q**2 / n) * np.sqrt(p * (1 - p) / n + q**2 / (4 * n**2)),
    )
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((100 * (centre - half), 100 * (centre + half)))
