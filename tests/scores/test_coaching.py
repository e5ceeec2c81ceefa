"""Whole institutions beside all others: small cases by hand, robust fits as R gives them, and a simulated round."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

from benchmarks.coaching import WORLDS, failures, one_round, summary
from spi_analysis.params import CoachingParams, RoundSetup
from spi_analysis.scores.conduct import RoundAnswers, compared, institution_signs, round_answers
from spi_analysis.scores.conduct.coaching import equal_cells, robust_fit, smooth, unusual


@pytest.fixture(scope="module")
def params(setup: RoundSetup) -> CoachingParams:
    """Everybody in one cell, and institutions of any size."""
    assert setup.round.coaching is not None
    return setup.round.coaching.model_copy(update={"score_classes": 1, "tendency_classes": 1, "min_answers": 2})


def answers(institution: list[int], levels: list[list[int]], started: list[float] | None = None) -> RoundAnswers:
    """Answers from 0 to 3; the best answer to the first question is the highest tick, to the others the lowest."""
    items = len(levels[0])
    return RoundAnswers(
        institution=np.array(institution),
        levels=np.array(levels, dtype=np.int8),
        steps=np.full(items, 3),
        positive=np.arange(items) == 0,
        weights=np.full(items, 1 / items),
        started=np.array(started or [0.0] * len(institution)),
    )


def test_pairs_agree_beyond_what_each_agrees_with_the_others(params: CoachingParams) -> None:
    """The upper half of the first, (3, 3), against others of whom a quarter answers 3 and three quarters 0.

    1 - 1/4 - 1/4 + (1/16 + 9/16) = 9/8. Of the second it is those at or above the median 0: 3, 0, 0, 0 against
    3, 3, 1, 0: the pairs with 3 count 0 - 1/2 - 1/4 + 3/8, the three others 1 - 1/4 - 1/4 + 3/8; the mean is 1/4.
    """
    found = institution_signs(answers([0] * 4 + [1] * 4, [[3], [3], [1], [0], [3], [0], [0], [0]]), params)
    assert found["alike"].tolist() == pytest.approx([9 / 8, 1 / 4])
    assert found["pairs"].tolist() == [1, 6]


def test_answers_scatter_more_than_elsewhere(params: CoachingParams) -> None:
    """3, 3, 1, 0 around their mean 7/4: squares of 27/4; others have the variance 27/16, and 3 of them count."""
    found = institution_signs(answers([0] * 4 + [1] * 4, [[3], [3], [1], [0], [3], [0], [0], [0]]), params)
    assert found["uneven"].tolist() == pytest.approx([27 / 4 / (3 * 27 / 16), 27 / 4 / (3 * 27 / 16)])


def test_a_question_left_open_makes_no_pair(params: CoachingParams) -> None:
    """Two people who answer alike, of whom one leaves the second question open: half a pair a question."""
    rows = [[3, 3], [3, -1], [3, 0], [0, 0]]
    found = institution_signs(answers([0, 0, 1, 1], rows), params)
    assert found["pairs"][0] == 0.5
    assert found["alike"][0] == pytest.approx(1 - 1 / 2 - 1 / 2 + 1 / 2)


def test_scores_and_the_tendency_to_tick_high_leave_out_what_is_missing() -> None:
    """Levels 3 of 3 where high is good and 0 of 3 where low is good: high ticks on both, a score of 50."""
    found = answers([0, 0, 0], [[3, 0], [3, -1], [-1, -1]])
    assert found.scores[:2].tolist() == [50, 100]
    assert np.isnan(found.scores[2])
    assert found.tendency.tolist() == [1, 0, 0]


def test_cells_hold_people_of_about_equal_score_and_tendency(params: CoachingParams) -> None:
    rows = [[0, 0], [1, 0], [0, 1], [3, 2], [2, 3], [3, 3]]
    cells = equal_cells(answers([0] * 6, rows), params.model_copy(update={"score_classes": 2, "tendency_classes": 2}))
    assert cells.tolist()[:3] == [1, 1, 0], "of the low scores those that tick higher stand apart"
    assert cells.tolist()[3:] == [3, 2, 3]


def test_a_surge_is_the_largest_share_within_two_days(params: CoachingParams) -> None:
    """Starts at 0, 1, 30, 100 and 149 hours: three within 48 hours; one at an unknown time does not count."""
    made = answers([0] * 6 + [1] * 2, [[3]] * 8, [0, 1, 30, 100, 149, np.nan, 0, 99])
    found = institution_signs(made, params)
    assert found["surge"].tolist() == pytest.approx([3 / 5, 1 / 2])


def test_few_answers_are_not_looked_at(params: CoachingParams) -> None:
    rows = answers([0, 0, 0, 1, 1, 1, 1], [[3], [3], [0], [3], [0], [3], [0]])
    found = institution_signs(rows, params.model_copy(update={"min_answers": 4}))
    assert found["institution"].tolist() == [1]


def test_answers_of_a_round_are_numbers_from_worst_to_best(setup: RoundSetup) -> None:
    items = setup.instrument.items("external")
    table = pd.DataFrame({item.code: [6, 8] for item in items}).assign(
        institution=[0, 1], started_at=pd.to_datetime(["1970-01-03", None])
    )
    found = round_answers(table, setup.instrument, "external")
    assert found.levels[0].tolist() == [5 if item.direction == "positive" else 0 for item in items]
    assert (found.levels[1] == -1).all(), "do not know"
    assert found.started[0] == 48
    assert np.isnan(found.started[1])


def test_robust_fit_is_that_of_r() -> None:
    """MASS::rlm(y ~ x, psi = psi.bisquare, maxit = 200, acc = 1e-10), R 4.2: one value of ten is far out."""
    y = np.array([2.1, 3.9, 6.2, 8.1, 9.8, 12.3, 13.9, 16.2, 40, 20.1])
    design = np.column_stack([np.ones(10), np.arange(1, 11)])
    assert robust_fit(design, y).tolist() == pytest.approx([0.03056620819, 2.00757543403], abs=1e-6)


def test_who_is_alone_at_the_end_of_the_scale_does_not_say_what_is_usual() -> None:
    """Beyond the outer knots the columns stay as they are there, and between them they bend."""
    columns = smooth(np.linspace(0, 100, 1001))
    assert np.diff(columns[951:], axis=0) == pytest.approx(0, abs=1e-9)
    assert np.diff(columns[:50], axis=0) == pytest.approx(0, abs=1e-9)
    assert np.abs(np.diff(columns[400:600, 2], n=2)).max() > 1e-6
    score, values = np.r_[np.linspace(60, 70, 99), 95.0], np.r_[np.sin(np.arange(99.0)), 40.0]
    assert unusual(values, smooth(score), [np.ones(100)])[99] > 20


def test_the_few_that_are_coached_do_not_say_what_is_usual() -> None:
    """Normal values with SD 1 at 100 answers and 2 at 25, one in fifty moved far up."""
    rng = np.random.default_rng(5)
    n, score = np.where(np.arange(2000) % 2, 100.0, 25.0), rng.normal(70, 5, 2000)
    values = 0.2 * score + rng.standard_normal(2000) * 10 / np.sqrt(n)
    values[:40] += 30
    z = unusual(values, smooth(score), [1 / n])
    assert z[40:].std() == pytest.approx(0.92, abs=0.06), (
        "the ninth tenth of honest ones is 0.918: wider by 1.39 / 1.28"
    )
    assert z[40:][n[40:] == 25].std() == pytest.approx(z[40:][n[40:] == 100].std(), rel=0.1)
    assert z[:40].min() > 8


def test_p_values_count_sources_and_institutions(params: CoachingParams) -> None:
    """Bonferroni over two signs and two sources, then Benjamini and Hochberg over 60 institutions."""
    rng = np.random.default_rng(2)
    signs = {
        source: pd.DataFrame(
            {"institution": np.arange(60), "n": 100, "score": rng.normal(70, 5, 60), "pairs": 1000.0,
             "uneven": rng.uniform(0.9, 1.1, 60),
             "alike": rng.normal(0.05, 0.01, 60) + 0.5 * (np.arange(60) == 7) * (source == "internal"),
             "surge": rng.uniform(0.3, 0.4, 60)}
        )
        for source in ("internal", "external")
    }  # fmt: skip
    rows = compared(signs, params)
    first = rows[rows["institution"] == 7].set_index("source")
    p = student.sf(first.loc["internal", "alike_z"], params.tail_df)
    assert first["p_value"].tolist() == pytest.approx([4 * p] * 2)
    assert first["q_value"].tolist() == pytest.approx([4 * p * 60] * 2), "the smallest of 60"
    assert rows.loc[rows["flagged"], "institution"].unique().tolist() == [7]
    assert compared({}, params).empty


def test_a_gap_is_what_the_other_sources_do_not_lead_to_expect(params: CoachingParams) -> None:
    score = np.linspace(60, 80, 50)
    base = pd.DataFrame({"institution": np.arange(50), "n": 100, "pairs": 1e3, "alike": 0.0, "surge": 0.3})
    rng = np.random.default_rng(1)
    noise, lifted = rng.normal(0, 0.1, 50), 9.0 * (np.arange(50) == 20)
    signs = {
        "internal": base.assign(score=score - 10 + noise + lifted, uneven=1.0),
        "external": base.assign(score=score, uneven=1.0),
    }
    gaps = compared(signs, params).query("source == 'internal'").set_index("institution")["gap"]
    assert gaps[20] == pytest.approx(9, abs=0.5)
    assert gaps.drop(20).abs().max() < 0.5


@pytest.mark.long
def test_coached_institutions_are_found_and_no_honest_one() -> None:
    """A short version of `python -m benchmarks.coaching`: the hardest world, 4 of 150 institutions coached."""
    rows = one_round((WORLDS[-1], 150, 4, 1))
    table = summary(rows)
    assert table["false"].max() <= 1
    assert table.loc[table["script"] == "one of two", "found"].max() >= 0.75
    assert failures(table) == []


def test_missed_bars_are_named() -> None:
    table = pd.DataFrame(
        {"world": ["a", "a"],
         "script": ["", "one of two"], "share": [0.0, 0.6], "rounds": 20, "false": [1.5, 0.0], "several": [0.4, 0.0],
         "cases": [0, 160], "found": [np.nan, 0.7]}
    )  # fmt: skip
    assert failures(table) == ["a: 1.50 false alarms a round", "a: 70% found of 60% coached"]
