"""Experts drawn from a list of names: what the design makes of their error, and who named them. Counted by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

from benchmarks.experts import FRIENDLY, KINDS, NAMES, Case, failures, runs, summary
from spi_analysis.params import RoundSetup
from spi_analysis.scores import kinds_correlation, moderated_panels, with_agreement
from spi_analysis.stages.plan import plan_source
from spi_analysis.stages.report import _kept_back
from spi_analysis.stages.respondents import Drawn, coarse_error, drawn_of_list, nominator_rows
from spi_analysis.survey.estimation import ReplicateDesign, SurveyDesign
from spi_analysis.synthetic import clean_frame, make_city

# The city of the demonstration that draws its experts.
CITY, PANEL = "kota-tebing-tinggi", Drawn(1.0, 1.0)
WEIGHTS = pd.DataFrame({"dimension": [1.0], "score": [1.0]}, index=["item"])


def test_a_design_alone_says_what_is_left_of_a_variance() -> None:
    """25 of 100 names, all alike: three quarters; weights 2 and 6: 100 people, and Kish's 1 + 1/4."""
    alike = ReplicateDesign(pd.DataFrame({"w": [4.0] * 25}), "w", np.full((25, 2), 4.0), "bootstrap")
    assert drawn_of_list(alike) == pytest.approx((1.0, 0.75))
    weights = [2.0] * 10 + [6.0] * 10 + [1.0] * 20
    unlike = ReplicateDesign(pd.DataFrame({"w": weights}), "w", np.ones((40, 2)), "bootstrap")
    assert drawn_of_list(unlike) == pytest.approx((40 * (40 + 360 + 20) / 100**2, 0.6))
    assert drawn_of_list(None) == PANEL


def test_an_error_is_rounded_in_terms_of_the_answers_spread(setup: RoundSetup) -> None:
    """Of 25 answers an error of 1.5 is a spread of 7.5 in a panel, of 8.7 where 100 are on the list: both become 11."""
    limits = setup.round.disclosure
    assert coarse_error(1.5, 25, limits, PANEL) == pytest.approx(11 / 5)
    assert coarse_error(1.5, 25, limits, Drawn(1.0, 0.75)) == pytest.approx(11 / 5 * math.sqrt(0.75))
    assert coarse_error(2.0, 25, limits, Drawn(1.0, 0.75)) == pytest.approx(13.75 / 5 * math.sqrt(0.75))
    assert coarse_error(0.0, 25, limits, Drawn(1.0, 0.0)) == 0, "everybody on the list answered"


def people(institution: int, commission: int) -> SurveyDesign:
    """Those of the institution score 70 and 90, those of the commission 60 and 80."""
    names = ["institution"] * institution + ["commission"] * commission
    scores = [70.0 + 20 * (i % 2) for i in range(institution)] + [60.0 + 20 * (i % 2) for i in range(commission)]
    return SurveyDesign(pd.DataFrame({"nominator": names, "item": scores, "weight": 1.0}), "weight")


def test_difference_by_nominator(setup: RoundSetup) -> None:
    """Ten of each: 80 against 70, spreads of 10.5 become 11, so the error is 11 times the root of 2/10, on about 18."""
    row = nominator_rows(people(10, 10), WEIGHTS, setup.round.disclosure, 0.95).iloc[0]
    error = 11 * math.sqrt(2 / 10)
    assert row["estimate"] == pytest.approx(10)
    assert row["se"] == pytest.approx(error)
    assert row["df_design"] == pytest.approx(18)
    assert row["ci_high"] == pytest.approx(10 + student.ppf(0.975, 18) * error)
    assert row["n"] == 20


@pytest.mark.parametrize(("institution", "commission"), [(10, 9), (20, 0)])
def test_few_of_one_nominator_are_not_told(setup: RoundSetup, institution: int, commission: int) -> None:
    assert nominator_rows(people(institution, commission), WEIGHTS, setup.round.disclosure, 0.95).empty


def test_how_much_kinds_agree() -> None:
    """60, 62 | 70, 72: within 4/2 = 2, between (100 - 2) / 2 = 49, so 49/51; two like panels say the same."""
    panel = np.array([60.0, 62.0, 70.0, 72.0]), np.array(["a", "a", "b", "b"])
    assert kinds_correlation([panel]) == pytest.approx(49 / 51)
    assert kinds_correlation([panel, panel]) == pytest.approx(49 / 51)
    assert kinds_correlation([(panel[0], np.array(["a", "b", "a", "b"]))]) == 0
    assert kinds_correlation([(panel[0], np.array(list("abcd")))]) == 0, "nobody has one of the own kind"


def test_a_panel_whose_kinds_agree_says_less() -> None:
    """Two kinds of two, correlation 1/2: 1.5 x 3 / 2.5 = 1.8 of the variance, on 2.5^2 / 2.75 degrees of freedom."""
    found = with_agreement(2.0, np.array(["a", "a", "b", "b"]), 0.5)
    assert found.se == pytest.approx(2 * math.sqrt(1.8))
    assert found.df == pytest.approx(6.25 / 2.75)
    alone = with_agreement(2.0, np.array(list("abcd")), 0.5)
    assert alone == pytest.approx((2.0, 3.0)), "one of each kind: nobody repeats what another says"


def test_moderation_leaves_the_finite_population_out_of_the_spread(setup: RoundSetup) -> None:
    """An error of 2 on 16 answers of which 0.64 is left by the list: a spread of 10; with 12 on 10 df and 15 own."""
    params = setup.years.chances
    assert params is not None
    scores = pd.DataFrame({"se": [2.0], "n": [16.0], "df_design": [15.0]}, index=["expert"])
    found = moderated_panels(scores, ["expert"], params, {"expert": 0.64}).iloc[0]
    spread = math.sqrt((10 * 12**2 + 15 * 10**2) / 25)
    assert found["se"] == pytest.approx(spread * math.sqrt(0.64 / 16))
    assert found["df_design"] == 25


@pytest.mark.parametrize(("names", "told"), [(45, True), (44, False)])
def test_the_size_of_a_list_stays_unless_nearly_all_answered(setup: RoundSetup, names: int, told: bool) -> None:
    """35 answered; ten names more may be told, nine would say that nearly everybody on the list did."""
    counts = {"least": 5, "source": "expert", "listed": names + 1, "eligible": names, "invited": 37, "needed": 32,
              "answered": 35, "RR1": 0.95, "RR3": 0.95, "kish_deff": 1.0, "effective_n": 35.0,
              "nonrespondents": 2}  # fmt: skip
    row = _kept_back(pd.DataFrame([counts]), setup.round_for(CITY)).iloc[0]
    assert pd.notna(row["eligible"]) == told
    assert row[["listed", "invited", "needed", "RR1"]].isna().all()
    assert _kept_back(pd.DataFrame([counts]), setup.round).iloc[0]["eligible"] != names, "a panel has no size"


def test_a_list_holds_names_of_both_and_is_drawn_from_by_both(setup: RoundSetup) -> None:
    round_ = setup.round_for(CITY)
    assert (round_.panels, round_.nominated, round_.populations) == ([], ["expert"], ["internal", "external"])
    city = make_city(setup, CITY, 3, sizes={"internal": 60, "external": 60})
    frame = clean_frame(city, setup)
    experts = frame[frame["source"] == "expert"]
    assert 20 <= len(experts) <= 300
    assert set(experts["nominator"]) == {"institution", "commission"}
    assert frame.loc[frame["source"] != "expert", "nominator"].isna().all()
    plan = plan_source(frame, round_, "expert")
    assert 25 <= plan.strata["invited"].sum() < len(experts) / 2
    truth = city.truth[(city.truth["measure"] == "source") & (city.truth["source"] == "expert")]["value"].item()
    listed = (city.people["source"] == "expert") & city.people["is_eligible"]
    item = setup.instrument.codes("expert")[0]
    assert city.answers.loc[listed, item].notna().all()
    assert 60 < truth < 90, "the mean of the list itself"


def test_intervals_hold_in_a_short_simulation() -> None:
    """`python -m benchmarks.experts` is the long version: lists through draw and weights, and panels."""
    drawn = summary(runs(Case(40, True, NAMES, "list"), 15, 7))
    assert 0.6 < drawn["se"] / drawn["sd"] < 1.7
    assert drawn["shown"] >= drawn["held"] >= 0.7
    independent, agreeing = (
        summary(runs(Case(40, False, KINDS, way), 120, 7)) for way in ("independent", "kinds agree")
    )
    assert independent["held"] < 0.88 < agreeing["held"]
    assert summary(runs(Case(13, False, FRIENDLY, "independent"), 80, 7))["held"] > 0.88


def test_a_missed_promise_is_named() -> None:
    table = pd.DataFrame([{"names": 20, "world": "additive", "reading": "list", "promised": True, "held": 0.80,
                           "above": 0.15, "below": 0.05}])  # fmt: skip
    assert len(failures(table, 200)) == 2
    assert failures(table.assign(promised=False), 200) == []
