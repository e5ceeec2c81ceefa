"""Ranges of a score, late answers and tipping points, on toys and on known rules."""

import numpy as np
import pandas as pd
import pytest

from spi_analysis.params import RoundSetup
from spi_analysis.params.round import SensitivityParams
from spi_analysis.scores.items import person_scores
from spi_analysis.scores.sensitivity import late_answers, reminder_wave, source_range, tipping_points
from spi_analysis.survey.estimation import SurveyDesign


def test_a_person_s_score_is_the_mean_of_what_was_answered():
    """Weights 1/2, 1/4, 1/4: without the first item 80 and 40 count alike."""
    weights = pd.DataFrame({"score": [0.5, 0.25, 0.25]}, index=["a", "b", "c"])
    answers = pd.DataFrame({"a": [100.0, np.nan, np.nan], "b": [80.0, 80.0, np.nan], "c": [40.0, 40.0, np.nan]})
    scores = person_scores(answers, weights)
    assert scores[:2].tolist() == [80.0, 60.0]
    assert np.isnan(scores[2])


@pytest.fixture
def params(setup: RoundSetup) -> SensitivityParams:
    return setup.round.sensitivity


def _list(n_a: int, n_b: int) -> pd.DataFrame:
    return pd.DataFrame({"unit": ["a"] * n_a + ["b"] * n_b, "base_weight": 1.0})


def test_a_range_by_hand(params: SensitivityParams) -> None:
    """Unit a scores 60 +- 10, unit b 80 +- 10; half of the respondents, but three quarters of the list, are of a.

    Share explained: 10^2 / (10^2 + 10^2) = 1/2, with 39 and 38 degrees of freedom 1 - 39/38/2 = 37/76. The proxy's mean
    is 70 among respondents and 65 in the list; phi = 0 is done by calibration; phi = 1 asks for 5 * 76/37 in all.
    """
    scores = pd.Series([50.0, 70.0] * 10 + [70.0, 90.0] * 10)
    found = source_range(65.0, scores, _list(20, 20), _list(30, 10), ["unit"], params)
    assert found.correlation**2 == pytest.approx(37 / 76)
    table = found.by_phi.set_index("phi")
    assert table.loc[0.0, "estimate"] == 65
    assert table.loc[1.0, "estimate"] == pytest.approx(65 + 5 - 5 * 76 / 37)
    assert table.loc[0.5, "estimate"] == pytest.approx(65 + 5 - 5 * np.sqrt(76 / 37))
    assert table["informative"].all()
    assert found.shift_ends == pytest.approx((5 - 5 * 76 / 37, 0.0))


def test_a_weak_proxy_is_labelled_and_a_useless_one_makes_no_range(params: SensitivityParams) -> None:
    rng = np.random.default_rng(1)
    people, everyone = _list(300, 300), _list(500, 100)
    noise = pd.Series(rng.normal(50, 10, 600))
    weak = source_range(50.0, noise + 2.5 * (people["unit"] == "b"), people, everyone, ["unit"], params)
    assert 0 < weak.correlation < params.least_correlation
    assert weak.by_phi.set_index("phi")["informative"].to_dict() == {0.0: True, 0.5: True, 1.0: False}
    same = source_range(50.0, pd.Series([40.0, 60.0] * 300), people, everyone, ["unit"], params)
    assert (same.correlation, len(same.by_phi)) == (0.0, 1)


def test_a_score_stays_on_its_scale(params: SensitivityParams) -> None:
    scores = pd.Series([50.0, 70.0] * 10 + [70.0, 90.0] * 10)
    found = source_range(3.0, scores, _list(20, 20), _list(40, 0), ["unit"], params)
    assert found.by_phi["estimate"].min() == 0
    assert found.by_phi["shift"].min() == -3


def test_waves_are_counted_in_reminders(setup: RoundSetup) -> None:
    """Fieldwork from 29 July; reminders two, four, six and nine weeks later: 12 and 26 August and so on."""
    times = pd.to_datetime(["2024-08-01", "2024-08-11 23:59", "2024-08-12 00:00", "2024-10-15", None], format="ISO8601")
    data = pd.DataFrame({"started_at": times, "completed_at": times})
    data.loc[0, "completed_at"] = pd.NaT
    assert reminder_wave(data, setup.round.fieldwork).tolist() == [0, 0, 1, 4, -1]


def _answers(late: float) -> tuple[SurveyDesign, pd.Series]:
    """Ten early answers around 70 and ten late ones around 70 + ``late``."""
    times = pd.to_datetime(["2024-08-01"] * 10 + ["2024-09-20"] * 10)
    scores = pd.Series([65.0, 75.0] * 5 + [65.0 + late, 75.0 + late] * 5)
    return SurveyDesign(pd.DataFrame({"w": 1.0, "started_at": times, "completed_at": times}), "w"), scores


def test_late_answers_by_hand(setup: RoundSetup) -> None:
    """Late people score 8 lower; a quarter answers. If nonrespondents are like the late, they lie 4 below the mean of
    66.

    Two groups of ten of standard deviation 5 (divided by n): the difference has variance 2 * 25/10 times 20/19.
    """
    design, scores = _answers(-8.0)
    found = late_answers(66.0, design, scores, 0.25, setup.round.fieldwork, setup.round.sensitivity, 0.95)
    assert (found.n_early, found.n_late, found.difference) == (10, 10, pytest.approx(-8))
    assert found.se**2 == pytest.approx(5 * 20 / 19)
    assert found.ci_low < -8 < found.ci_high
    assert found.implied == pytest.approx(66 - 0.75 * 4)


def test_without_late_answers_there_is_nothing_to_compare(setup: RoundSetup) -> None:
    design, scores = _answers(0.0)
    design.data["completed_at"] = pd.Timestamp("2024-08-01")
    assert late_answers(66.0, design, scores, 0.25, setup.round.fieldwork, setup.round.sensitivity, 0.95) is None


def test_tipping_points_by_hand(setup: RoundSetup) -> None:
    """Index 75; nonrespondents carry 0.3 * 0.7 + 0.3 * 0.8 = 0.45 of it. 73 and 78 are decided at 72.995 and 77.995."""
    table = tipping_points(75.0, {"internal": 0.21, "external": 0.24}, setup.round.categories, 2)
    assert table["category"].tolist() == ["rentan", "terjaga"]
    assert table["delta"].tolist() == pytest.approx([(72.995 - 75) / 0.45, (77.995 - 75) / 0.45])


def test_the_ends_of_the_scale_have_one_neighbour(setup: RoundSetup) -> None:
    assert tipping_points(60.0, {"internal": 0.5}, setup.round.categories, 2)["category"].tolist() == ["waspada"]
    assert tipping_points(90.0, {"internal": 0.5}, setup.round.categories, 2)["category"].tolist() == ["waspada"]


def test_where_nobody_is_silent_nothing_tips(setup: RoundSetup) -> None:
    assert tipping_points(75.0, {"internal": 0.0}, setup.round.categories, 2)["delta"].isna().all()
    assert tipping_points(75.0, {"internal": 0.01}, setup.round.categories, 2)["delta"].isna().all()
