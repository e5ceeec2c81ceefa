"""The simulation of calibrated means: it does what weighting a source does, and its intervals cover."""

import numpy as np
import pandas as pd
import pytest

from spi_analysis.survey.weighting import Rake, WeightingClasses, apply_recipe, two_phase_replicates, weighting_classes
from spi_analysis.synthetic import simulated_rounds
from spi_analysis.synthetic.simulated_rounds import GRID, MIN_RESPONDENTS, Cell, simulate_cell

RUNS = 150
CELLS = [
    Cell(80, 1.0, 0.6, "skewed"),
    Cell(400, 0.5, 0.25, "symmetric"),
    Cell(2500, 0.2, 0.25, "skewed"),
    Cell(15000, 0.2, 0.08, "symmetric"),
]


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_intervals_cover_where_thirty_or_more_answered(cell: Cell) -> None:
    """Bounds three Monte-Carlo errors around what the full simulation (2,000 runs) asks for: 93 to 97 %."""
    row = simulate_cell(cell, seed=1, runs=RUNS).iloc[0]
    error = 3 * np.sqrt(0.95 * 0.05 / RUNS)
    assert row["runs"] == RUNS
    assert row["n"] >= 30
    assert 0.93 - error <= row["coverage"] <= 0.97 + error
    assert abs(row["bias"]) < 4 * row["sd"] / np.sqrt(RUNS)


def test_the_same_seed_gives_the_same_rounds() -> None:
    first, second = (simulate_cell(GRID[0], seed=3, runs=20) for _ in range(2))
    pd.testing.assert_frame_equal(first, second)


def test_the_grid_spans_what_surveys_look_like() -> None:
    sizes, invited, response = (sorted({getattr(c, n) for c in GRID}) for n in ("population", "invited", "response"))
    assert (sizes[0], sizes[-1]) == (80, 15000)
    assert (invited[0], invited[-1]) == (0.2, 1.0)
    assert (response[0], response[-1]) == (0.08, 0.6)


def test_a_run_is_the_weighting_of_a_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everyone invited; the recipe's classes and raking, with replicates of those found, give the same estimate."""
    cell = Cell(400, 1.0, 0.6, "symmetric")
    rng = np.random.default_rng(5)
    people = simulated_rounds._population(cell, rng)
    run = simulated_rounds._run(people, cell, np.random.default_rng(9))
    again = np.random.default_rng(9)
    again.permutation(400)
    # The same order of draws as in the run: first who is invited, then who of them answers.
    order = np.random.default_rng(9).permutation(400)
    answered = np.zeros(400, dtype=bool)
    answered[order[again.random(400) < people.propensity[order]]] = True
    sample = pd.DataFrame(
        {
            "base_weight": 1.0,
            "disposition": np.where(answered, "I", "NC"),
            "unit": people.unit.astype(str),
            "sex": people.sex.astype(str),
        }
    )
    sample["nr_class"] = weighting_classes(sample, ["unit"], min_respondents=MIN_RESPONDENTS)["nr_class"]
    margins = {name: sample[name].value_counts().astype(float).to_dict() for name in ("unit", "sex")}
    replicates = two_phase_replicates(sample, "nr_class", 400, seed=1)
    weighted = apply_recipe(
        sample, [WeightingClasses("nr_class"), Rake(margins, MIN_RESPONDENTS)], replicates=replicates
    )
    means = people.score @ np.column_stack([weighted.weight, weighted.replicates.values]) / 400
    assert run["estimate"] == pytest.approx(means[0], rel=1e-6)
    # Other draws: standard errors from 200 and from 400 replicates agree within their own error.
    assert run["se"] == pytest.approx(np.sqrt(((means[1:] - means[0]) ** 2).mean()), rel=0.2)
