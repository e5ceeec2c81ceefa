"""Covariance between two rounds: all samples of a toy, samples drawn again and again, and its boundary cases."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from spi_analysis.errors import EstimationError
from spi_analysis.survey.estimation import Linearised, SurveyDesign, estimate_total, overlap_covariance
from spi_analysis.survey.sampling import permanent_random_numbers

PEOPLE = pd.Index([f"p{i}" for i in range(5)])
FIRST = np.array([1.0, 4.0, 2.0, 7.0, 6.0])
SECOND = np.array([2.0, 3.0, 5.0, 9.0, 4.0])
ONE_CELL = pd.Series("all", PEOPLE)


def expanded(rows: list[int], values: np.ndarray, people: pd.Index = PEOPLE) -> Linearised:
    """The total of a simple random sample: everybody counts N/n times."""
    return Linearised(people[rows], (values[rows] * len(people) / len(rows))[:, None])


def test_by_hand() -> None:
    """N = 5, n1 = 3 (p0 p1 p2), n2 = 3 (p1 p2 p3), two in both.

    u1 = 5/3 y1: deviations from the sample's mean (7/3) of p1 and p2: 5/3 * (5/3, -1/3); u2 = 5/3 y2 (mean 17/3):
    5/3 * (-8/3, -2/3). Sum of products: 25/9 * (-40/9 + 2/9) = 25/9 * -38/9.
    c = 1 - 1/3 - 1/3 + 2/9 = 5/9; 1 - n1 n2/(N n12) = 1 - 9/10.
    """
    got = overlap_covariance(expanded([0, 1, 2], FIRST), expanded([1, 2, 3], SECOND), ONE_CELL)
    assert got == pytest.approx(np.array([[25 / 9 * -38 / 9 * (1 / 10) / (5 / 9)]]))


@pytest.mark.parametrize(("n1", "n2", "turn"), [(2, 2, 1), (3, 2, 1), (3, 3, 2), (2, 2, 0), (4, 3, 0)])
def test_mean_over_all_samples_is_the_covariance(n1: int, n2: int, turn: int) -> None:
    """The first n1 of an order, and n2 of it from ``turn`` on: all 120 orders of five people, each as likely."""
    totals, estimates = [], []
    for order in permutations(range(5)):
        first, second = expanded(list(order[:n1]), FIRST), expanded(list(order[turn : turn + n2]), SECOND)
        totals.append((first.values.sum(), second.values.sum()))
        estimates.append(overlap_covariance(first, second, ONE_CELL)[0, 0])
    truth = np.cov(np.array(totals).T, ddof=0)[0, 1]
    assert np.mean(estimates) == pytest.approx(truth), "unbiased, whatever the overlap"


def test_the_same_sample_twice_is_the_variance() -> None:
    data = pd.DataFrame({"y": FIRST[:3], "w": 5 / 3, "N": 5})
    sample = expanded([0, 1, 2], FIRST)
    variance = estimate_total(SurveyDesign(data, "w", pop_size="N"), "y").covariance
    assert overlap_covariance(sample, sample, ONE_CELL) == pytest.approx(variance), "(1 - f) N^2 s^2 / n"


def test_a_panel_has_no_population_to_be_corrected_for() -> None:
    data = pd.DataFrame({"y": FIRST[:3], "w": 1.0})
    sample = Linearised(PEOPLE[:3], FIRST[:3, None])
    assert overlap_covariance(sample, sample) == pytest.approx(estimate_total(SurveyDesign(data, "w"), "y").covariance)


def test_no_common_people_no_covariance() -> None:
    assert overlap_covariance(expanded([0, 1], FIRST), expanded([2, 3], SECOND), ONE_CELL) == 0


def test_people_of_one_list_only_add_nothing() -> None:
    """Leavers and joiners cannot be in both samples."""
    cells = ONE_CELL.iloc[:3]
    with_others = overlap_covariance(expanded([0, 1, 3], FIRST), expanded([0, 1, 4], SECOND), cells)
    first, second = expanded([0, 1, 3], FIRST), expanded([0, 1, 4], SECOND)
    alone = overlap_covariance(Linearised(first.ids[:2], first.values[:2]),
                               Linearised(second.ids[:2], second.values[:2]), cells)  # fmt: skip
    assert with_others == pytest.approx(alone)


def test_cells_add_up_and_an_unknown_cell_is_one() -> None:
    people = pd.Index([f"q{i}" for i in range(10)])
    values = np.concatenate([FIRST, SECOND])
    cells = pd.Series(["a"] * 5 + [None] * 5, people)
    rows = [0, 1, 2, 5, 6, 7]
    together = overlap_covariance(expanded(rows, values, people), expanded(rows, values, people), cells)
    parts = [
        overlap_covariance(Linearised(people[part], 10 / 6 * values[part, None]),
                           Linearised(people[part], 10 / 6 * values[part, None]), pd.Series("x", people[span]))
        for part, span in (([0, 1, 2], slice(0, 5)), ([5, 6, 7], slice(5, 10)))
    ]  # fmt: skip
    assert together == pytest.approx(sum(parts))


def test_a_person_twice_is_refused() -> None:
    with pytest.raises(EstimationError, match="in the sample twice"):
        Linearised(pd.Index(["a", "a"]), np.ones((2, 1)))
    sample = expanded([0, 1], FIRST)
    with pytest.raises(EstimationError, match="listed twice"):
        overlap_covariance(sample, sample, pd.Series("x", PEOPLE.append(PEOPLE[:1])))


def test_repeated_rounds_with_nonresponse() -> None:
    """600 people, two units; samples by permanent random numbers, people who answer once tend to answer again.

    Weights N/answers inside the unit. Over 250 pairs of rounds the mean estimate must meet the covariance of the two
    means (their answers correlate by about 0.8).
    """
    rng = np.random.default_rng(7)
    n = 600
    people = pd.Index([f"person-{i}" for i in range(n)])
    unit = np.repeat(["big", "small"], [400, 200])
    y1 = rng.normal(60, 12, n) + 8 * (unit == "small")
    y2 = y1 + rng.normal(2, 8, n)
    habit = rng.normal(0, 1.5, n)
    means, estimates = [], []
    for turn in range(250):
        numbers = permanent_random_numbers(pd.Series(people), f"{turn:032d}".encode()).to_numpy()
        sides = []
        for size, y in ((150, y1), (180, y2)):
            drawn = np.zeros(n, dtype=bool)
            for name in ("big", "small"):
                rows = np.flatnonzero(unit == name)
                drawn[rows[np.argsort(numbers[rows])][: size * len(rows) // n]] = True
            answered = drawn & (rng.normal(0, 1, n) + habit < 0)
            rows = np.flatnonzero(answered)
            w = np.array([(unit == unit[i]).sum() / (answered & (unit == unit[i])).sum() for i in rows])
            sides.append((rows, w, y))
        linear = []
        for rows, w, y in sides:
            mean = (w * y[rows]).sum() / w.sum()
            linear.append((mean, Linearised(people[rows], (w * (y[rows] - mean) / w.sum())[:, None])))
        means.append((linear[0][0], linear[1][0]))
        estimates.append(overlap_covariance(linear[0][1], linear[1][1], pd.Series(unit, people))[0, 0])
    truth = np.cov(np.array(means).T)
    assert np.mean(estimates) == pytest.approx(truth[0, 1], rel=0.2), "within what 250 pairs can tell"
    assert truth[0, 1] > 0.15 * np.sqrt(truth[0, 0] * truth[1, 1]), "the overlap is worth counting"
