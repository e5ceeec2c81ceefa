"""The variance of a total under stratified multistage sampling, by hand."""

import numpy as np
import pytest

from spi_analysis.survey.estimation.taylor import Stage, stages_covariance


def stage(unit: list[int], stratum: list[int], pop_size: list[float] | None = None) -> Stage:
    size = None if pop_size is None else np.array(pop_size, dtype=float)
    return Stage(np.array(unit), np.array(stratum), [f"s{h}" for h in range(max(stratum) + 1)], size)


def variance(values: list[float], stages: list[Stage], rule: str = "fail") -> float:
    return float(stages_covariance(np.array(values, dtype=float)[:, None], stages, rule)[0, 0])


def test_one_stratum_is_n_times_the_sample_variance() -> None:
    assert variance([1, 2, 6], [stage([0, 1, 2], [0, 0, 0])]) == pytest.approx(3 * 7), "n/(n-1) * (4 + 1 + 9)"


def test_fpc_takes_its_share() -> None:
    assert variance([1, 2, 6], [stage([0, 1, 2], [0, 0, 0], [12] * 3)]) == pytest.approx(21 * 0.75)


def test_two_stages_by_hand() -> None:
    """Two of 5 clusters; 2 of 4 and 2 of 6 people in them; influence values 1, 3 and 6, 10.

    First stage: (1 - 2/5) * 2 * ((4-10)**2 + (16-10)**2) = 86.4. Second: 2/5 of what the clusters add,
    (1 - 2/4) * 2 * (1 + 1) + (1 - 2/6) * 2 * (4 + 4) = 2 + 32/3.
    """
    first = stage([0, 0, 1, 1], [0, 0, 0, 0], [5] * 4)
    second = stage([0, 1, 2, 3], [0, 0, 1, 1], [4, 4, 6, 6])
    assert variance([1, 3, 6, 10], [first, second]) == pytest.approx(86.4 + 0.4 * (2 + 32 / 3))


def test_without_population_sizes_only_the_first_stage_counts() -> None:
    first, second = stage([0, 0, 1, 1], [0, 0, 0, 0]), stage([0, 1, 2, 3], [0, 0, 1, 1])
    assert variance([1, 3, 6, 10], [first, second]) == pytest.approx(2 * 72)


LONELY = ([1.0, 3.0, 8.0], [stage([0, 1, 2], [0, 0, 1])])


@pytest.mark.parametrize(
    ("rule", "by_hand", "rationale"),
    [
        ("certainty", 4.0, "2 * (1 + 1), the lone unit adds nothing"),
        ("adjust", 4.0 + 64.0, "the lone 8 against 0"),
        ("average", 8.0, "the other stratum's 4 for both"),
    ],
)
def test_lonely_rules_by_hand(rule: str, by_hand: float, rationale: str) -> None:
    assert variance(*LONELY, rule) == pytest.approx(by_hand), rationale


def test_lone_unit_of_a_stratum_of_one_is_no_problem() -> None:
    assert variance([1, 3, 8], [stage([0, 1, 2], [0, 0, 1], [10, 10, 1])]) == pytest.approx(4 * 0.8)


def test_covariance_of_two_totals() -> None:
    both = stages_covariance(np.array([[1.0, 2], [2, 1], [6, 3]]), [stage([0, 1, 2], [0, 0, 0])], "fail")
    assert both[0, 1] == pytest.approx(1.5 * ((-2) * 0 + (-1) * (-1) + 3 * 1))
    assert (both == both.T).all()
