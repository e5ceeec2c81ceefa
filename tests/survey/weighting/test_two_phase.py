"""Replicates of a sample with nonresponse: those found are drawn again inside their class, nobody else."""

import numpy as np
import pandas as pd
import pytest

from spi_analysis.survey.weighting import two_phase_replicates


def people(answered: int, ineligible: int, silent: int) -> pd.DataFrame:
    codes = ["I"] * answered + ["NE"] * ineligible + ["NC"] * silent
    return pd.DataFrame({"base_weight": 2.0, "disposition": codes, "c": "one"})


def test_two_who_answered_by_hand() -> None:
    """N = 2 * 10, f = 2/20: of two found one is drawn, with factor 1 - L + 2 L t and L = sqrt(0.9)."""
    values = two_phase_replicates(people(2, 0, 8), "c", 50, seed=1).values
    spread = np.sqrt(0.9)
    low, high = 2 * (1 - spread), 2 * (1 + spread)
    assert np.sort(values[:2], axis=0) == pytest.approx(np.repeat([[low], [high]], 50, axis=1))
    assert (values[2:] == 2).all(), "who was silent is not drawn again"


def test_a_class_keeps_its_total_in_every_replicate() -> None:
    values = two_phase_replicates(people(7, 2, 5), "c", 30, seed=2).values
    assert values.sum(axis=0).tolist() == pytest.approx([28.0] * 30)


def test_a_census_that_everybody_answers_has_no_error() -> None:
    everyone = people(12, 0, 0).assign(base_weight=1.0)
    assert (two_phase_replicates(everyone, "c", 10, seed=3).values == 1).all()


def test_the_variance_of_a_class_mean_is_that_of_a_random_sample_of_its_population() -> None:
    """(1 - f) s^2/n with n = 40 of N = 200; 4,000 replicates leave an error of about 2 %."""
    sample = people(40, 0, 60)
    y = np.random.default_rng(4).normal(size=40)
    made = two_phase_replicates(sample, "c", 4000, seed=4)
    means = y @ made.values[:40] / made.values[:40].sum(axis=0)
    expected = (1 - 40 / 200) * y.var(ddof=1) / 40
    assert ((means - y.mean()) ** 2).mean() == pytest.approx(expected, rel=0.08)
