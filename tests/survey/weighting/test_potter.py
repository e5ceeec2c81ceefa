"""Potter's cut-off against a loop that trims, weighs and squares for every cap."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spi_analysis.survey.weighting.trimming import cap_with_redistribution, potter_cutoff


def trimmed(weights: np.ndarray, cap: float, times: np.ndarray) -> np.ndarray:
    return cap_with_redistribution(weights[:, None], np.array([cap]), times[:, None])[:, 0]


def linearised(weights: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    mean = weights @ y / weights.sum()
    return mean, weights * (y - mean) / weights.sum()


def mse_of(cap: float, weights: np.ndarray, times: np.ndarray, y: np.ndarray) -> float:
    """V(m_t) + max(0, (m_t - m_0)**2 - V(m_t - m_0)), a person drawn t times being t people."""
    known = np.isfinite(y) & (times > 0)
    m0, z0 = linearised(weights[known], y[known])
    mt, zt = linearised(trimmed(weights, cap, times)[known], y[known])
    copies = times[known]
    factor = copies.sum() / (copies.sum() - 1)
    variance = factor * (zt**2 / copies).sum()
    of_difference = factor * ((zt - z0) ** 2 / copies).sum()
    return variance + max(0.0, (mt - m0) ** 2 - of_difference)


def by_loop(weights: np.ndarray, times: np.ndarray, outcomes: np.ndarray, levels: int) -> list[tuple[float, float]]:
    """Cap and mean relative MSE at every level, from no trimming downwards."""
    single = np.divide(weights, times, out=np.zeros_like(weights), where=times > 0)
    mean, largest = weights.sum() / times[weights > 0].sum(), single.max()
    caps = [mean + (largest - mean) * level / levels for level in range(levels, 0, -1)]
    relative = [[mse_of(c, weights, times, y) / mse_of(caps[0], weights, times, y) for y in outcomes.T] for c in caps]
    return [(cap, float(np.mean(each))) for cap, each in zip(caps, relative, strict=True)]


@given(seed=st.integers(0, 400), n_outcomes=st.integers(1, 3), drawn=st.booleans())
def test_the_cap_is_that_of_the_loop(seed: int, n_outcomes: int, drawn: bool) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(15, 60))
    times = rng.integers(0, 4, n).astype(float) if drawn else np.ones(n)
    times[:5] = 1
    weights = rng.lognormal(1, 1, n) * times
    outcomes = rng.normal(50, 10, (n, n_outcomes)) + 3 * rng.normal() * np.log(np.maximum(weights, 1))[:, None]
    outcomes[6, 0] = np.nan
    found = potter_cutoff(weights, times, outcomes, levels=12)
    loop = by_loop(weights, times, outcomes, 12)
    best = min(score for _, score in loop)
    assert found.relative_mse == pytest.approx(best, rel=1e-7)
    at = loop[0][0] if np.isinf(found.cap) else found.cap
    assert dict(loop)[min(dict(loop), key=lambda cap: abs(cap - at))] == pytest.approx(best, rel=1e-7)


def test_weights_without_relation_to_the_answers_are_cut_far_down() -> None:
    rng = np.random.default_rng(0)
    weights = rng.lognormal(0, 1.2, 400)
    assert potter_cutoff(weights, np.ones(400), rng.normal(size=(400, 1))).cap < 0.3 * weights.max()


def test_where_the_heavy_answer_otherwise_nothing_is_cut() -> None:
    """The heavy tenth answers 100, the others 0, all alike: a cut biases the mean by more than it steadies it."""
    rng = np.random.default_rng(1)
    heavy = np.arange(500) < 50
    y = np.where(heavy, 100.0, 0.0) + rng.normal(size=500)
    found = potter_cutoff(np.where(heavy, 20.0, 1.0) * rng.uniform(0.99, 1.01, 500), np.ones(500), y[:, None])
    assert found.relative_mse <= 1
    assert found.cap > 19


def test_equal_weights_have_nothing_to_cut() -> None:
    assert potter_cutoff(np.ones(5), np.ones(5), np.arange(5.0)[:, None]) == (np.inf, 1.0)


@given(factor=st.floats(0.01, 1000), shift=st.floats(-100, 100))
def test_units_of_weights_and_answers_do_not_matter(factor: float, shift: float) -> None:
    rng = np.random.default_rng(3)
    weights, y = rng.lognormal(0, 1, 80), rng.normal(size=(80, 1))
    one, other = (
        potter_cutoff(weights, np.ones(80), y),
        potter_cutoff(weights * factor, np.ones(80), y * factor + shift),
    )
    assert other.cap == pytest.approx(one.cap * factor, rel=1e-9)
    assert other.relative_mse == pytest.approx(one.relative_mse, rel=1e-6)
