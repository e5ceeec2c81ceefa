"""The effect of actions: toys counted by hand, worlds that would deceive, and the short version of the bars."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from benchmarks.effect import SETTINGS, Setting, failures, failures_held_out, rounds, simulated, summary
from spi_analysis.params import ChanceParams, EffectParams, PublishedYears, RoundSetup, TypeSpread
from spi_analysis.scores import (
    History,
    action_effects,
    detectable_gains,
    expected_index,
    expected_indices,
    gain_of,
    has_acted,
    low_limit,
    with_types,
)

SPREAD = TypeSpread(means={2022: 70.0, 2023: 71.0}, lasting=4.0, change=0.0, noise=3.0)


@pytest.fixture
def params(setup: RoundSetup) -> EffectParams:
    assert setup.years.effect is not None
    return setup.years.effect.model_copy(update={"min_acting": 2, "min_others": 3})


@pytest.fixture
def years(setup: RoundSetup) -> PublishedYears:
    return with_types(setup.years, {"kota": SPREAD}, 2.0)


def history(own: dict[int, float]) -> History:
    facts = {"source": "toy", "as_of": "2024-01-01"}
    params = ChanceParams(panel_sd=12, panel_df=10, mean_move=2.0, types={"kota": SPREAD}, **facts)
    return History(own, SPREAD, params, persistence=0.8)


# --- one institution


def test_what_is_expected_of_one_published_year_by_hand() -> None:
    """61 in 2023 is 10 below the mean; of a departure 16/25 lasts: 71 - 6.4. Variance 25 - 16^2/25 + 2^2 (the move)."""
    expected = expected_index(history({2023: 61.0}), 2024)
    assert expected is not None
    assert expected.mean == pytest.approx(64.6)
    assert expected.sd**2 == pytest.approx(25 - 256 / 25 + 4)
    assert expected.chance_above(64.6) == pytest.approx(0.5)
    low, high = expected.interval(0.95)
    assert (high - low) / 2 == pytest.approx(1.959964 * expected.sd)


def test_two_years_count_together() -> None:
    """Both 10 below: a sum of 20, of variance 4 x 16 + 2 x 9 = 82, of which 2 x 16 last: 71 - 20 x 32 / 82."""
    expected = expected_index(history({2022: 60.0, 2023: 61.0}), 2024)
    assert expected is not None
    assert expected.mean == pytest.approx(71 - 20 * 32 / 82)


def test_a_year_whose_mean_is_not_known_counts_too() -> None:
    """75 in 2024: 4 above the last known mean, of variance 16 + 9 + 4; 16 + 4 of it (a shared walk) carry over."""
    expected = expected_index(history({2024: 75.0}), 2025)
    assert expected is not None
    assert expected.mean == pytest.approx(71 + 4 * 20 / 29)
    assert expected.sd**2 == pytest.approx(16 + 9 + 2 * 4 - 20**2 / 29)


def test_the_lowest_tenth_lies_below_its_limit() -> None:
    """Between institutions the SD is 5; a tenth of a normal lies 1.2816 SD below the mean."""
    assert low_limit(SPREAD, 2024, 0.1) == pytest.approx(71 - 1.281552 * 5)
    assert low_limit(SPREAD, 2022, 0.1) == pytest.approx(70 - 1.281552 * 5)


def test_nothing_is_expected_of_an_unknown_type() -> None:
    assert expected_index(History({}, None, history({}).params, 0.8), 2024) is None


def test_all_institutions_at_once_are_expected_like_each_alone(years: PublishedYears) -> None:
    """With gaps: 2021 and 2023 without 2022 is no case of 2022 or 2023."""
    table = pd.DataFrame(
        [("a", 2022, 60.0), ("a", 2023, 61.0), ("a", 2024, 66.0), ("b", 2023, 75.0), ("b", 2024, 74.0),
         ("c", 2022, 70.0), ("c", 2024, 71.0)],
        columns=["institution_id", "year", "index"],
    ).assign(type="kota")  # fmt: skip
    found = expected_indices(table, years).set_index(["institution_id", "year"])
    assert sorted(found.index) == [("a", 2023), ("a", 2024), ("b", 2024)]
    for (name, year), row in found.iterrows():
        own = {int(y): x for y, x in table[table["institution_id"] == name][["year", "index"]].to_numpy() if y < year}
        alone = expected_index(history(own), int(year))
        assert alone is not None
        assert row[["expected", "sd"]].tolist() == pytest.approx([alone.mean, alone.sd])
        assert row["sd"] ** 2 - row["own_sd"] ** 2 == pytest.approx(4.0), "the move of the mean"


# --- those that acted against the others


def cases(index: list[float], expected: list[float], year: int = 2024) -> pd.DataFrame:
    n = len(index)
    table = pd.DataFrame({"type": "kota", "institution_id": [f"i{k}" for k in range(n)], "year": year, "index": index})
    return table.assign(expected=expected, before=expected, sd=5.0, own_sd=4.0)


def test_gain_by_hand_where_all_are_expected_alike(params: EffectParams) -> None:
    """The others make 68, 70, 70, 72: mean 70, variance 8/3. Those that acted 73 and 75: 4 above; 8/3 x (1/2 + 1/4)."""
    table = cases([68, 70, 70, 72, 73, 75], [70.0] * 6)
    found = gain_of(table, np.array([False] * 4 + [True] * 2), params)
    assert (found.estimate, found.df) == (pytest.approx(4.0), 3)
    assert found.se == pytest.approx(math.sqrt(2))
    assert (found.n_acting, found.n_others) == (2, 4)


def test_regression_to_the_mean_is_no_gain(params: EffectParams) -> None:
    """Expected at 60, 70, 80, the others make 65, 70, 75. Low ones that acted make 65: no gain."""
    table = cases([65, 70, 75, 65, 70, 75, 64, 66], [60, 70, 80, 60, 70, 80, 60, 60])
    found = gain_of(table, np.array([False] * 6 + [True] * 2), params)
    assert found.estimate == pytest.approx(0.0, abs=1e-9)


def test_a_year_that_lifts_all_lifts_nobody(params: EffectParams) -> None:
    """Those that acted rise by 5 in a year in which all rise by 5."""
    one = cases([68, 70, 72, 70, 70], [70.0] * 5, 2023)
    two = cases([73, 75, 77, 75, 75], [70.0] * 5, 2024)
    acted = np.array([False] * 3 + [True] * 2)
    found = gain_of(pd.concat([one, two]), np.tile(acted, 2), params)
    assert found.estimate == pytest.approx(0.0, abs=1e-9)


def test_too_few_are_not_compared(params: EffectParams) -> None:
    table = cases([68, 70, 72, 75, 76], [70.0] * 5)
    one = gain_of(table, np.array([False] * 4 + [True]), params)
    without_others = gain_of(table, np.array([False] * 2 + [True] * 3), params)
    assert math.isnan(one.estimate)
    assert (one.n_acting, one.n_others) == (1, 4)
    assert math.isnan(without_others.estimate)
    assert math.isnan(gain_of(table.iloc[:0], np.zeros(0, dtype=bool), params).estimate)


def tracker(*rows: tuple[str, int, str, int, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["institution_id", "year", "recommendation", "done", "tlp"])


def test_who_acted_who_did_not_and_who_is_left_out(params: EffectParams) -> None:
    """i4, i5 acted; i0 reported what was not validated: neither; i1 did nothing; of i2, i3 nothing is told."""
    table = cases([90, 70, 68, 72, 73, 75], [70.0] * 6)
    known = tracker(
        ("i4", 2023, "x", 4, 100.0), ("i5", 2023, "x", 4, 50.0), ("i0", 2023, "x", 4, 25.0), ("i1", 2023, "x", 0, 0.0)
    )
    found = action_effects(table, known, params)
    assert found["recommendation"].tolist() == ["", "x"]
    assert found[["n_acting", "n_others"]].to_numpy().tolist() == [[2, 3]] * 2
    assert found["gain"].tolist() == pytest.approx([4.0, 4.0])
    assert has_acted(known, params).tolist() == [True, True, False, False]


def test_actions_are_judged_under_false_discovery_control(params: EffectParams) -> None:
    """Of two recommendations Benjamini and Hochberg double the smaller p; all together is a test of its own."""
    table = cases([68, 70, 70, 72, 74, 76, 69, 71], [70.0] * 8)
    known = tracker(*((f"i{k}", 2023, "good" if k < 6 else "idle talk", 1, 100.0) for k in (4, 5, 6, 7)))
    found = action_effects(table, known, params).set_index("recommendation")
    assert found.loc["good", "gain"] == pytest.approx(5.0)
    assert found.loc["idle talk", "gain"] == pytest.approx(0.0, abs=1e-9)
    assert found.loc["good", "p_adjusted"] == pytest.approx(2 * found.loc["good", "p_value"])
    assert found.loc["", "p_adjusted"] == found.loc["", "p_value"]
    assert found.loc["idle talk", "outcome"] == "not_told"


def test_who_rose_already_is_not_said_to_have_gained_by_acting(params: EffectParams) -> None:
    after = cases([69, 70, 70, 71, 80, 81], [70.0] * 6, 2024)
    before = cases([69, 70, 70, 71, 80, 81], [70.0] * 6, 2023)
    known = tracker(("i4", 2023, "x", 1, 100.0), ("i5", 2023, "x", 1, 100.0))
    assert set(action_effects(pd.concat([before, after]), known, params)["outcome"]) == {"rose_already"}
    assert set(action_effects(after, known, params)["outcome"]) == {"worked"}, "nothing is known of the year before"
    twice = pd.concat([known, known.assign(year=2022)])
    both = action_effects(pd.concat([before, after]), twice, params)
    assert both["before"].isna().all(), "what they gained in 2023 may come of acting in 2022"
    assert set(both["outcome"]) == {"worked"}


def test_detectable_gain_by_hand(params: EffectParams) -> None:
    """SD 4, 15 that act and 152 others: (1.6954 + 0.8416) x 4 x sqrt(1/15 + 1/152)."""
    found = detectable_gains(cases([70.0] * 4, [70.0] * 4), params).set_index("n_acting")
    assert found.loc[15, "n_others"] == 152, "57 of 632 acted, 9 %: ten times as many did not"
    assert found.loc[15, "detectable"] == pytest.approx((1.69540 + 0.84162) * 4 * math.sqrt(1 / 15 + 1 / 152), abs=1e-4)


# --- worlds


def test_gain_agrees_with_a_line_fitted_by_numpy(setup: RoundSetup) -> None:
    """The same line by ``numpy.linalg.lstsq`` on rows times the root of their weight."""
    assert setup.years.effect is not None
    rng = np.random.default_rng(3)
    table = expected_indices(simulated(rng), setup.years)
    table = table[(table["year"] == 2024) & (table["type"] == "kabupaten")]
    acted = rng.random(len(table)) < 0.1
    x = np.column_stack([np.ones(len(table)), table["expected"], table["before"]])
    root = 1 / table["own_sd"].to_numpy()
    others = ~acted
    line, *_ = np.linalg.lstsq(x[others] * root[others, None], table["index"][others] * root[others], rcond=None)
    left = table["index"].to_numpy() - x @ line
    expected = np.average(left[acted], weights=root[acted] ** 2)
    assert gain_of(table, acted, setup.years.effect).estimate == pytest.approx(expected)


SHORT = (
    Setting("60 act", 60, 0.0),
    Setting("60 act", 60, 1.5),
    *(s for s in SETTINGS if s.chosen in ("low", "rising")),
)


@pytest.mark.long
def test_bars_of_simulated_rounds_in_short() -> None:
    """Twenty rounds; `python -m benchmarks.effect` is the long version. The others would be deceived."""
    found = summary(rounds(20, settings=SHORT))
    assert not failures(found), failures(found)
    low = found[(found["name"] == "because they are low") & (found["effect"] == 0)].set_index("way")
    assert low.loc["rise against the others", "worked"] == 1.0, "chance alone lifts those that are low"
    assert abs(low.loc["line of the others", "error"]) < 4 * low.loc["line of the others", "sd"] / 20**0.5
    rising = found[(found["name"] == "already rising") & (found["way"] == "line of the others")].iloc[0]
    assert (rising["clear"], rising["worked"]) == (1.0, 0.0), "they rose already"


def test_a_missed_bar_is_named() -> None:
    facts = {"name": "toy", "n": 60, "promised": True, "way": "line of the others", "mc_error": 0.01}
    found = pd.DataFrame([facts | {"effect": 0.0, "worked": 0.08}, facts | {"effect": 1.5, "worked": 0.77}])
    assert len(failures(found)) == 2
    assert not failures(found.assign(worked=[0.06, 0.79]))
    assert len(failures_held_out(pd.DataFrame({"held": [0.89], "error": [1.2]}, index=["all"]))) == 2
