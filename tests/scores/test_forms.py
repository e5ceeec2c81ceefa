"""Answers by forms of the questionnaire: small cases by hand, exact tails, what an honest order does, and rounds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import f, kstest

from benchmarks.coaching import WORLDS
from benchmarks.forms import failures, one_round, summary
from spi_analysis.scores.conduct import RoundAnswers, form_effects, form_signs
from spi_analysis.scores.conduct.forms import FORM_SIGNS, _medians_elsewhere, quadratic_form_tail

ITEMS, STEPS = 12, 5


def answers(institution: np.ndarray, levels: np.ndarray) -> RoundAnswers:
    """Answers from 0 to 5; every second question has its best answer at the lowest tick."""
    items = levels.shape[1]
    return RoundAnswers(
        institution=institution,
        levels=levels.astype(np.int8),
        steps=np.full(items, STEPS),
        positive=np.arange(items) % 2 == 0,
        weights=np.full(items, 1 / items),
        started=np.zeros(len(institution)),
    )


def honest(sizes: list[int], seed: int) -> tuple[RoundAnswers, np.ndarray]:
    """People who judge alike in all they are asked, some better than others; and a form for everybody by chance."""
    rng, institution = np.random.default_rng(seed), np.repeat(np.arange(len(sizes)), sizes)
    latent = rng.standard_normal((len(institution), 1)) + rng.standard_normal((len(institution), ITEMS))
    levels = np.clip(np.rint(2.5 + latent), 0, STEPS)
    return answers(institution, levels), rng.random(len(institution)) < 0.5


def signs(part: RoundAnswers, is_reversed: np.ndarray, least: int = 30) -> pd.DataFrame:
    return form_signs(part, is_reversed, least, 0.95)


def test_the_difference_is_that_of_the_mean_scores_with_welchs_limits() -> None:
    """Scores 0, 20, 40, 60, 80 by the usual form, 20 more by the other: variances of 1000 each, t with 8 degrees."""
    levels = np.repeat([[0], [1], [2], [3], [4], [1], [2], [3], [4], [5]], 2, axis=1)
    levels[:, 1] = levels[:, 0]
    found = signs(answers(np.zeros(10, dtype=int), levels), np.arange(10) >= 5, 10).iloc[0]
    assert (found["n_usual"], found["n_reversed"], found["difference"]) == (5, 5, pytest.approx(20))
    half = 2.306004 * np.sqrt(1000 / 5 + 1000 / 5)
    assert [found["ci_low"], found["ci_high"]] == pytest.approx([20 - half, 20 + half], rel=1e-6)


@pytest.mark.parametrize("value", [0.1, 1.0, 2.776, 10.0, 40.0])
@pytest.mark.parametrize("df", [28, 500])
def test_the_tail_of_equal_weights_is_that_of_f(value: float, df: int) -> None:
    for weight in (1.0, 3.0):
        found = quadratic_form_tail(4 * weight * value, np.full(4, weight), df)
        assert found == pytest.approx(f.sf(value, 4, df), rel=0.03)


@pytest.mark.parametrize("value", [5.0, 30.0, 100.0])
def test_the_tail_of_two_pairs_of_weights_is_that_of_two_exponentials(value: float) -> None:
    """A pair of chi-squares of weight a is an exponential of mean 2a, and the tail of a sum of two is known."""
    a, b = 3.0, 1.0
    exact = (2 * a * np.exp(-value / (2 * a)) - 2 * b * np.exp(-value / (2 * b))) / (2 * a - 2 * b)
    assert quadratic_form_tail(value, np.array([a, a, b, b]), 1e7) == pytest.approx(exact, rel=0.05)


def test_tails_at_the_ends_and_at_the_mean() -> None:
    assert quadratic_form_tail(0.0, np.ones(3), 50) == 1.0
    assert quadratic_form_tail(5.0, np.zeros(3), 50) == 1.0, "nothing varies"
    at, beside = (quadratic_form_tail(value, np.array([2.0, 1.0]), 50) for value in (3.0, 3.003))
    assert at == pytest.approx(beside, abs=1e-3)


def test_what_is_usual_elsewhere_is_the_median_of_the_others() -> None:
    """Of 1, 5, 2, 9 without each: 5, 2, 5, 2; alone: nothing is taken off; a heavy one decides."""
    assert _medians_elsewhere(np.array([[1.0], [5.0], [2.0], [9.0]]), np.ones((4, 1))).ravel().tolist() == [5, 2, 5, 2]
    assert _medians_elsewhere(np.array([[3.0]]), np.ones((1, 1))).ravel().tolist() == [0]
    heavy = np.array([[1.0], [1.0], [1.0], [7.0]])
    assert _medians_elsewhere(np.array([[1.0], [5.0], [2.0], [9.0]]), heavy).ravel().tolist() == [9, 9, 9, 2]


def test_the_names_of_the_forms_and_the_direction_of_all_questions_do_not_matter() -> None:
    part, form = honest([40, 80], 1)
    found = signs(part, form)["p_source"]
    turned = replace(part, levels=(STEPS - part.levels).astype(np.int8), positive=~part.positive)
    assert signs(part, ~form)["p_source"].tolist() == pytest.approx(found.tolist())
    assert signs(turned, form)["p_source"].tolist() == pytest.approx(found.tolist())


def test_an_order_effect_of_any_size_changes_nothing() -> None:
    """Everybody ticks a step more towards what is seen first: the same for all questions, in ticks."""
    part, form = honest([60, 90, 200], 2)
    inside = np.clip(part.levels, 1, STEPS - 1)
    moved = inside + np.where(form[:, None], 1, -1) * np.where(part.positive, 1, -1)
    base = replace(part, levels=inside.astype(np.int8))
    pushed = replace(part, levels=moved.astype(np.int8))
    found, before = signs(pushed, form), signs(base, form)
    assert found["p_source"].tolist() == pytest.approx(before["p_source"].tolist())
    # A step up by one form and down by the other, of five steps: 40 points more ticks.
    assert (found["order_effect"] - before["order_effect"]).tolist() == pytest.approx([40] * 3)


def test_answers_by_place_are_found_even_where_all_tick_the_best() -> None:
    """Half of one institution ticks the place of the best answer in the usual form; the score tells it, too."""
    part, form = honest([60] * 6, 3)
    told = (part.institution == 2) & (np.arange(len(form)) % 2 == 0)
    levels = np.where(told[:, None], np.where(form[:, None], 0, STEPS), part.levels)
    found = form_effects({"internal": signs(replace(part, levels=levels.astype(np.int8)), form)}, 0.05)
    first, others = found.iloc[0], found.iloc[1:]
    assert (first["institution"], first["flagged"]) == (2, True)
    assert first["p_value"] < 1e-4
    assert first["ci_high"] < -20
    assert others["p_value"].min() > 0.005, "chance, as the others go"


def test_few_answers_by_a_form_and_missing_answers() -> None:
    part, form = honest([40, 20, 40], 4)
    only = form & (part.institution != 2)
    assert signs(part, only)["institution"].tolist() == [0], "20 are too few; the last has one form only"
    rest = replace(part, levels=part.levels[:, 1:], positive=part.positive[1:], weights=part.weights[1:],
                   steps=part.steps[1:])  # fmt: skip
    without = np.where(np.arange(ITEMS) == 0, -1, part.levels)
    by_one = np.where((np.arange(ITEMS) == 0) & form[:, None], -1, part.levels)
    for levels in (without, by_one):
        gone = replace(part, levels=levels.astype(np.int8))
        assert signs(gone, form)["p_source"].tolist() == pytest.approx(signs(rest, form)["p_source"].tolist())
    assert signs(answers(np.zeros(0, dtype=int), np.zeros((0, ITEMS))), np.zeros(0, dtype=bool)).empty


def test_chances_count_sources_and_institutions() -> None:
    """0.01 of two sources is 0.02; Benjamini and Hochberg over 0.02 and 0.9 give 0.04 and 0.9."""
    table = pd.DataFrame(dict.fromkeys(FORM_SIGNS, 0.0), index=[0, 1]).assign(institution=[0, 1])
    both = {"internal": table.assign(p_source=[0.01, 0.45]), "external": table.assign(p_source=[0.3, 0.8])}
    found = form_effects(both, 0.05).drop_duplicates("institution")
    assert found["p_value"].tolist() == pytest.approx([0.02, 0.9])
    assert found["q_value"].tolist() == pytest.approx([0.04, 0.9])
    assert found["flagged"].tolist() == [True, False]
    assert form_effects({}, 0.05).empty


def test_chances_of_honest_answers_are_chances() -> None:
    """300 institutions of 60: as many below 5 % as there should be, and all of them even."""
    p = signs(*honest([60] * 300, 5))["p_source"]
    assert 0.02 <= (p < 0.05).mean() <= 0.09
    assert kstest(p, "uniform").pvalue > 0.001


def test_places_are_found_and_no_honest_order_effect() -> None:
    """A short version of `python -m benchmarks.forms`: the hardest world, 3 of 60 institutions told places."""
    table = summary(one_round((WORLDS[-1], "usual", 60, 3, 2)))
    assert table["false"].max() <= 1
    assert table.loc[table["share"] == 0.6, "found"].min() >= 0.6


def test_missed_bars_are_named() -> None:
    table = pd.DataFrame(
        {"world": "a", "order": "none", "script": ["", "the best"], "share": [0.0, 0.6], "rounds": 20,
         "false": [1.5, 0.0], "several": [0.4, 0.0], "cases": [0, 160], "found": [np.nan, 0.7]}
    )  # fmt: skip
    assert failures(table) == ["a, none: 1.50 false alarms a round", "a, none: 70% found of 60% told the best"]
