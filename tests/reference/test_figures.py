"""Our numbers against those of outside programs, one case per figure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from tests.reference import (
    cases,
    cases_models,
    cases_replicates,
    cases_response,
    cases_sampling,
    cases_small_area,
)
from tests.reference.bench import TOTALS, TYPES, WIDE, Bench
from tests.reference.cases import tolerance
from tests.reference.figures import Figures
from tests.reference.scope import NOT_COVERED

pytestmark = pytest.mark.reference
MODULES = (cases, cases_models, cases_replicates, cases_response, cases_sampling, cases_small_area)
CASES = {figure_id: case for module in MODULES for figure_id, case in module.CASES.items()}


@pytest.fixture(scope="module")
def bench(figures: Figures) -> Bench:
    return Bench(figures)


def flat(value: Any) -> np.ndarray:
    """Numbers of a figure or of our answer, in one row."""
    if isinstance(value, Mapping):
        return np.concatenate([flat(part) for part in value.values()])
    return np.asarray(value, dtype=float).ravel()


@pytest.mark.parametrize("figure_id", sorted(CASES))
def test_figure(figure_id: str, figures: Figures, bench: Bench) -> None:
    figure = figures[figure_id]
    ours = CASES[figure_id](bench)
    if isinstance(figure.value, dict):
        ours = {key: ours[key] for key in figure.value}
    got, want = flat(ours), flat(figure.value)
    assert got.shape == want.shape, f"{figure_id}: {got.size} numbers instead of {want.size}; {figure.provenance}"
    allowed = tolerance(figure_id, figure.group) * np.abs(want)
    # A figure of exactly 0 (the error of a total that was calibrated to) is met to 1e-10.
    off = np.abs(got - want) > np.where(want == 0, 1e-10, allowed)
    assert not off.any(), f"{figure_id}: got {got[off]}, expected {want[off]}; {figure.provenance}"


def test_every_figure_is_a_case_or_has_a_reason(figures: Figures) -> None:
    missing = figures.ids() - set(CASES) - set(NOT_COVERED)
    assert not missing, f"neither computed nor explained in scope.py: {sorted(missing)}"


def test_no_figure_is_computed_twice() -> None:
    assert sum(len(module.CASES) for module in MODULES) == len(CASES)


def test_no_figure_is_both_computed_and_excused() -> None:
    assert not set(CASES) & set(NOT_COVERED)


def test_cases_and_reasons_name_real_figures(figures: Figures) -> None:
    unknown = (set(CASES) | set(NOT_COVERED)) - figures.ids()
    assert not unknown, f"no such figure: {sorted(unknown)}"


def test_every_reason_says_something() -> None:
    assert all(len(reason) > 15 for reason in NOT_COVERED.values())


def test_population_totals_are_those_of_the_population(figures: Figures) -> None:
    schools = figures.data("apipop")
    assert schools.groupby("stype").size().to_dict() == TYPES
    assert schools.groupby("sch.wide").size().to_dict() == WIDE
    assert schools["api99"].sum() == TOTALS["api99"]
    assert len(schools) == TOTALS["(intercept)"]
