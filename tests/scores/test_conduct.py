"""Conduct checks: counts by hand, the right null, and the promised rate of false alarms."""

import numpy as np
import pandas as pd
import pytest

from spi_analysis.params import RoundSetup
from spi_analysis.scores.conduct import CHECKS, conduct_checks, conduct_summary, flagged
from spi_analysis.scores.conduct.checks import (
    bursts_by_unit,
    family_wise,
    marks_by_unit,
    match_counts,
    near_duplicates,
    pairs_by_unit,
    score_blocks,
    shuffled,
    speeders,
    straight_liners,
    with_shuffles,
)

NAN = np.nan
ANSWERS = np.array([[1, 2, 3, 4], [1, 2, 3, 5], [NAN, 2, 3, 4], [6, 6, 6, NAN], [NAN, NAN, NAN, 4]])


def test_matches_by_hand():
    """The first two agree in three of four items; the third left one empty: three of three with the first."""
    matches, both = match_counts(ANSWERS)
    assert matches[0].tolist() == [4, 3, 3, 0, 1]
    assert both[0].tolist() == [4, 4, 3, 3, 1]
    assert near_duplicates(ANSWERS, 0.75, 0.5).tolist() == [[0, 1], [0, 2]]
    assert near_duplicates(ANSWERS, 1.0, 0.5).tolist() == [[0, 2]], "one common item is too few to be alike in"


def test_matches_are_those_counted_one_by_one():
    rng = np.random.default_rng(1)
    answers = np.where(rng.random((30, 12)) < 0.1, NAN, rng.integers(1, 5, (30, 12)).astype(float))
    matches, both = match_counts(answers)
    for i in range(30):
        for j in range(30):
            known = ~np.isnan(answers[i]) & ~np.isnan(answers[j])
            assert matches[i, j] == (answers[i] == answers[j])[known].sum()
            assert both[i, j] == known.sum()


def test_straight_lining_is_judged_by_the_ticks():
    assert straight_liners(ANSWERS, 0.9, 0.5).tolist() == [False, False, False, True, False]
    assert straight_liners(ANSWERS, 0.9, 0.2).tolist() == [False, False, False, True, True]


def test_speeders_are_measured_by_the_median():
    """Median 12 minutes: under 4 is too fast; a missing time accuses nobody."""
    assert speeders(np.array([3.9, 4.1, 12, 13, 500, NAN]), 1 / 3).tolist() == [True, False, False, False, False, False]
    assert not speeders(np.array([NAN, NAN]), 0.5).any()


def test_counts_by_unit_by_hand():
    units = np.array([[0, 0, 1, 1, -1]])
    assert marks_by_unit(np.array([1, 0, 1, 1, 1], dtype=bool), 2)(units).tolist() == [[1, 2]]
    assert pairs_by_unit(np.array([[0, 1], [1, 2], [2, 3], [3, 4]]), 2)(units).tolist() == [[1, 1]]
    assert pairs_by_unit(np.empty((0, 2), dtype=int), 2)(units).tolist() == [[0, 0]]


def test_bursts_by_hand():
    """Unit 0 answers at 0, 30, 59 and 200 minutes: three within an hour. Unit 1 at 10 and 100: one."""
    minutes = np.array([0, 30, 59, 200, 10, 100, 20, NAN], dtype=float)
    units = np.array([[0, 0, 0, 0, 1, 1, -1, 0], [1, 0, 0, 0, 1, 0, -1, 0]])
    assert bursts_by_unit(minutes, 60, 2)(units).tolist() == [[3, 1], [2, 2]]


def test_shuffling_keeps_blocks_and_sizes():
    units, blocks = np.array([0, 0, 1, 1, 2, -1]), np.array([0, 1, 0, 1, 0, 1])
    many = shuffled(units, blocks, 500, np.random.default_rng(2))
    for block in (0, 1):
        inside = np.sort(many[:, blocks == block], axis=1)
        assert (inside == np.sort(units[blocks == block])).all()
    assert len(np.unique(many, axis=0)) == 36, "all 3! x 3! orders occur"


def test_blocks_hold_people_of_like_score():
    blocks = score_blocks(np.array([50.0, 90, 51, 89, 52, 91]), np.arange(6), 3, 0.5)
    assert blocks[0] == blocks[2] == blocks[4] != blocks[1] == blocks[3] == blocks[5]


def test_a_block_is_never_mostly_of_one_unit():
    """Six people, of whom the first three are of one unit: a block of two would shuffle that unit with itself."""
    blocks = score_blocks(np.arange(8.0), np.array([0, 0, 0, 1, 2, 3, 4, 5]), 2, 0.5)
    assert blocks.tolist() == [0, 0, 0, 0, 0, 0, 1, 1]
    assert score_blocks(np.arange(3.0), np.array([0, 0, 0]), 2, 0.5).tolist() == [0, 0, 0]


def test_p_values_by_hand():
    """Four rows (observed first). Unit 0 as observed lies far above: nothing else does, so p = 1/4."""
    statistics = np.array([[10.0, 2], [2, 2], [2, 3], [2, 1]])
    expected, p = family_wise(statistics, np.array([True, True]))
    assert expected.tolist() == [4, 2]
    assert p[0] == 0.25
    assert p[1] == 0.75, "of the four largest values 12/..., only one lies below unit 1's own 0"
    _, only = family_wise(statistics, np.array([False, True]))
    assert np.isnan(only[0])


def test_p_values_keep_their_promise_where_nothing_is_wrong():
    """Marks at random over units of unequal size: a p of 0.1 or less at most every tenth time (3 errors allowed)."""
    rng = np.random.default_rng(3)
    units = np.repeat(np.arange(12), np.arange(5, 29, 2))
    nobody, hits, runs = np.zeros(len(units), dtype=int), 0, 300
    for _ in range(runs):
        marked = rng.random(len(units)) < 0.05
        counts = with_shuffles(marks_by_unit(marked, 12), units, nobody, 199, rng)
        hits += np.nanmin(family_wise(counts, np.ones(12, dtype=bool))[1]) <= 0.1
    assert hits / runs <= 0.1 + 3 * np.sqrt(0.1 * 0.9 / runs)
    assert hits > 0, "a check that never fires would pass too"


# --- the checks together


def _people(setup: RoundSetup, n: int, seed: int) -> tuple[pd.DataFrame, pd.Series]:
    """Answers of n people in eight units whose members think alike: honest, but not all the same."""
    rng = np.random.default_rng(seed)
    units = pd.Series([f"Unit {i}" for i in rng.integers(0, 8, n)])
    opinion = units.map({f"Unit {i}": 0.8 * x for i, x in enumerate(rng.standard_normal(8))}) + rng.normal(size=n)
    columns = {}
    for item in setup.instrument.items("internal"):
        scale = setup.instrument.scales[item.scale]
        steps = scale.maximum - scale.minimum
        level = np.clip(np.rint(0.7 * steps + opinion + rng.normal(0, 1.2, n)), 0, steps)
        columns[item.code] = scale.minimum + (level if item.direction == "positive" else steps - level)
    started = pd.Timestamp("2024-08-01 08:00") + pd.to_timedelta(rng.uniform(0, 30 * 24 * 60, n), unit="min")
    took = pd.to_timedelta(rng.lognormal(np.log(14), 0.4, n), unit="min")
    return pd.DataFrame({"started_at": started, "completed_at": started + took, **columns}), units


def _checked(setup: RoundSetup, answers: pd.DataFrame, units: pd.Series, seed: int = 5) -> pd.DataFrame:
    params = setup.round.conduct.model_copy(update={"permutations": 499})
    rng = np.random.default_rng(seed)
    return conduct_checks(answers, units, setup.instrument, "internal", params, 10, rng)


def test_units_that_honestly_think_alike_are_not_flagged(setup: RoundSetup) -> None:
    """Unit means differ by nearly a standard deviation; still no p value is small."""
    smallest = [_checked(setup, *_people(setup, 300, seed))["p_value"].min() for seed in range(12)]
    assert sum(p <= 0.02 for p in smallest) <= 3, "four checks at 2 % each make one in twelve"


@pytest.fixture(scope="module")
def coached(setup: RoundSetup) -> pd.DataFrame:
    """In Unit 3 most people copy the first one; they sit together and take two minutes; some tick 6 everywhere."""
    answers, units = _people(setup, 300, 21)
    rows = answers.index[units == "Unit 3"]
    codes = [item.code for item in setup.instrument.items("internal")]
    answers.loc[rows[:15], codes] = answers.loc[rows[0], codes].to_numpy()
    answers.loc[rows, "started_at"] = pd.Timestamp("2024-08-09 09:00")
    answers.loc[rows[:12], "completed_at"] = pd.Timestamp("2024-08-09 09:02")
    answers.loc[rows[15:23], codes] = 6.0
    return _checked(setup, answers, units)


@pytest.mark.parametrize("check", CHECKS)
def test_every_check_finds_its_own_kind_of_coaching(coached: pd.DataFrame, check: str) -> None:
    rows = coached[coached["check"] == check].set_index("unit")
    assert rows.loc["Unit 3", "p_value"] <= 0.01
    assert rows.loc["Unit 3", "observed"] > rows.loc["Unit 3", "expected"]
    assert rows["p_value"].drop("Unit 3").min() > 0.01


def test_a_unit_in_which_everybody_gives_the_same_answers_is_found(setup: RoundSetup) -> None:
    answers, units = _people(setup, 300, 33)
    rows = answers.index[units == "Unit 5"]
    codes = [item.code for item in setup.instrument.items("internal")]
    answers.loc[rows, codes] = answers.loc[rows[0], codes].to_numpy()
    found = _checked(setup, answers, units).set_index(["check", "unit"])
    assert found.loc[("near_duplicates", "Unit 5"), "p_value"] <= 0.01


def test_small_units_are_not_looked_at(setup: RoundSetup) -> None:
    answers, units = _people(setup, 120, 4)
    units[:9] = "Small"
    units[9:15] = None
    assert "Small" not in set(_checked(setup, answers, units)["unit"])
    nobody = _checked(setup, answers.head(9), units.head(9))
    assert nobody.empty


def test_same_inputs_give_the_same_flags(setup: RoundSetup) -> None:
    answers, units = _people(setup, 150, 8)
    pd.testing.assert_frame_equal(_checked(setup, answers, units), _checked(setup, answers, units))


def test_all_checks_and_sources_are_counted() -> None:
    """Two sources with two checks: four families, so p is four times as large."""
    table = pd.DataFrame(
        {"source": ["a", "a", "b", "b"], "check": ["x", "y", "x", "y"], "p_value": [0.002, 0.5, 0.003, 0.2]}
    )
    found = flagged(table, 0.01)
    assert found["p_value"].tolist() == [0.008, 1.0, 0.012, 0.8]
    assert found["flagged"].tolist() == [True, False, False, False]


def test_summary_by_hand() -> None:
    """Two honest institutions, one with a flag; one coached unit, found by one of two checks."""
    rows = [
        ("i", 1, "honest", "u", "x", False, False), ("i", 1, "honest", "u", "y", True, False),
        ("i", 2, "honest", "u", "x", False, False), ("i", 2, "honest", "u", "y", False, False),
        ("i", 1, "coached", "u", "x", True, True), ("i", 1, "coached", "u", "y", False, True),
        ("i", 1, "coached", "v", "x", False, False), ("i", 1, "coached", "v", "y", False, False),
    ]  # fmt: skip
    columns = ["institution_id", "seed", "answers", "unit", "check", "flagged", "is_coached"]
    table = conduct_summary(pd.DataFrame(rows, columns=columns).assign(source="internal")).set_index(["what", "check"])
    assert table.loc[("honest_institutions", "any"), ["cases", "flagged", "share"]].tolist() == [2, 1, 0.5]
    assert table.loc[("coached_units", "any"), "share"] == 1
    assert table.loc[("coached_units", "y"), "share"] == 0
    assert table.loc[("other_units", "any"), "flagged"] == 0
