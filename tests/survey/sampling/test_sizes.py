"""Sample sizes against the formulas, worked out with the numbers of a table of the normal distribution."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spi_analysis.errors import SamplingError
from spi_analysis.survey.sampling import margin_of_error, sample_size, sample_size_mean

Z = 1.959963984540054  # the 97.5 % point of the normal distribution, from any table


def test_the_textbook_385() -> None:
    size = sample_size(margin=0.05, level=0.95, p=0.5)
    assert size.exact == pytest.approx(Z**2 * 0.25 / 0.05**2)
    assert size.completes == 385, "384.15 people cannot be asked: the number is rounded up"


def test_small_population_needs_fewer() -> None:
    need = Z**2 * 0.25 / 0.05**2
    by_hand = need * 1200 / (1200 - 1 + need)
    size = sample_size(margin=0.05, population=1200)
    assert size.exact == pytest.approx(by_hand)
    assert size.completes == 292


def test_invitations_allow_for_the_ineligible_and_the_silent() -> None:
    size = sample_size(margin=0.05, eligibility=0.8, response_rate=0.25)
    assert size.invitations == math.ceil(385 / 0.2)
    assert not size.census


def test_everyone_is_invited_where_the_list_is_too_short() -> None:
    size = sample_size(margin=0.05, population=300, response_rate=0.08)
    assert size.census
    assert size.invitations == 300, "nobody can be invited twice"


def test_deff_multiplies_the_size() -> None:
    assert sample_size(deff=1.5).exact == pytest.approx(1.5 * sample_size().exact)


def test_exact_whole_numbers_are_not_rounded_up_by_floating_point() -> None:
    # sd 1, cv 0.1, mean 1: n = 100 exactly.
    assert sample_size_mean(1.0, cv=0.1, mean=1.0).completes == 100


def test_mean_by_margin_and_by_cv_agree() -> None:
    by_cv = sample_size_mean(20, cv=0.03, mean=70, population=900)
    by_margin = sample_size_mean(20, margin=Z * 0.03 * 70, population=900)
    assert by_cv.exact == pytest.approx(by_margin.exact, rel=1e-9)


def test_census_of_a_list_has_no_margin() -> None:
    assert margin_of_error(120, population=120) == 0.0


def test_margin_without_population() -> None:
    assert margin_of_error(400) == pytest.approx(Z * math.sqrt(0.25 / 400))


@given(
    margin=st.floats(0.01, 0.2),
    p=st.floats(0.05, 0.95),
    population=st.integers(2, 100_000),
    deff=st.floats(0.5, 3),
)
def test_size_and_margin_are_inverse(margin: float, p: float, population: int, deff: float) -> None:
    size = sample_size(margin=margin, p=p, population=population, deff=deff)
    if size.exact <= population:
        assert margin_of_error(size.exact, p, 0.95, population, deff) == pytest.approx(margin, rel=1e-6)
    assert size.completes <= population
    assert margin_of_error(size.completes, p, 0.95, population, deff) <= margin * (1 + 1e-9)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"margin": 5}, "margin"),
        ({"margin": 0}, "margin"),
        ({"p": 0}, "p"),
        ({"level": 95}, "level"),
        ({"deff": 0}, "deff"),
        ({"eligibility": 0}, "eligibility"),
        ({"response_rate": 1.2}, "response_rate"),
        ({"population": 0}, "population"),
    ],
)
def test_impossible_arguments_are_named(arguments: dict, name: str) -> None:
    with pytest.raises(SamplingError, match=f"{name} is out of range") as caught:
        sample_size(**arguments)
    assert str(arguments[name]) in str(caught.value), "the message says what was given"


@pytest.mark.parametrize("arguments", [{}, {"margin": 1, "cv": 0.1, "mean": 1}, {"cv": 0.1}])
def test_mean_needs_one_clear_target(arguments: dict) -> None:
    with pytest.raises(SamplingError, match="the target is unclear"):
        sample_size_mean(10, **arguments)


@pytest.mark.parametrize("arguments", [{"margin": 0}, {"margin": -1}, {"cv": -0.1, "mean": 5}])
def test_a_target_of_nothing_is_refused(arguments: dict) -> None:
    with pytest.raises(SamplingError, match="is out of range"):
        sample_size_mean(10, **arguments)


@pytest.mark.parametrize(("n", "options"), [(0, {}), (10, {"level": 95}), (10, {"p": 2}), (10, {"deff": -1})])
def test_margin_refuses_what_cannot_be(n: float, options: dict) -> None:
    with pytest.raises(SamplingError, match="is out of range"):
        margin_of_error(n, **options)


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: sample_size(margin="a"), "margin"),
        (lambda: sample_size(population=INF), "population"),
        (lambda: sample_size(deff=INF), "deff"),
        (lambda: sample_size(eligibility=NAN), "eligibility"),
        (lambda: sample_size_mean(INF, margin=1), "sd"),
        (lambda: sample_size_mean(5, margin=INF), "margin"),
        (lambda: sample_size_mean(5, cv=0.1, mean=INF), "mean"),
        (lambda: sample_size_mean(5, cv=0.1, mean=10, level=NAN), "level"),
        (lambda: sample_size_mean(5, margin=1, population=INF), "population"),
        (lambda: margin_of_error(100, population=0), "population"),
        (lambda: margin_of_error(100, population=-5), "population"),
        (lambda: margin_of_error(100, population=NAN), "population"),
        (lambda: margin_of_error(100, deff=INF), "deff"),
        (lambda: margin_of_error(True), "n"),
    ],
)
def test_what_is_no_usable_number_is_refused(call, name):
    with pytest.raises(SamplingError, match=f"^{name} is out of range"):
        call()
