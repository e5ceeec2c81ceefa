"""Level, change and noise of published years: known truths, invariants, moves, the held-out year."""

import numpy as np
import pandas as pd
import pytest

from spi_analysis.params import RoundSetup
from spi_analysis.scores.years import components, fit_years, hold_out, levels, moves, published_noise, type_spreads
from spi_analysis.scores.years.model import CHANGE, LEVEL, NOISE, marked_rows, panel_of
from tests.scores.years.toy import longitudinal, published_of, simulated

CI = 0.95
YEARS = (2023, 2024, 2025, 2026)


@pytest.fixture(scope="module")
def plain(setup: RoundSetup):
    """The model's judgements without any flagged year."""
    known = {year: value.model_copy(update={"mode_break": False, "own_noise": False})
             for year, value in setup.years.years.items()}  # fmt: skip
    return setup.years.model_copy(update={"years": known})


def _index_only(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["series"] == "index"].set_index("institution_id")


def test_known_variances_are_found_and_intervals_cover(plain) -> None:
    """40 generated nations of 80: mean estimate near the truth, intervals of levels and scores near 95 %."""
    rng = np.random.default_rng(7)
    thetas, covered = [], []
    for _ in range(40):
        values, lasting, changes = simulated(rng, 80, 4.0, 3.0, 2.0, plain)
        model = fit_years(published_of(values, YEARS), plain)
        found = _index_only(levels(model, CI))
        truth = 70 + lasting
        score = truth + changes[:, -1]
        covered.append([found["lasting_low"].le(truth) & found["lasting_high"].ge(truth),
                        found["current_low"].le(score) & found["current_high"].ge(score)])  # fmt: skip
        thetas.append(model.fits[0].fit.theta)
    mean, error = np.mean(thetas, axis=0), np.std(thetas, axis=0) / np.sqrt(40)
    assert (np.abs(mean - [16.0, 9.0, 4.0]) < 3.5 * error + 0.3).all(), mean
    share = np.mean(covered, axis=(0, 2))
    assert ((share > 0.93) & (share < 0.975)).all(), share


def test_small_types_keep_their_coverage(plain) -> None:
    """30 of a type, the hard case: estimated variances must widen the intervals."""
    rng = np.random.default_rng(11)
    hits = []
    for _ in range(60):
        values, lasting, changes = simulated(rng, 30, 3.0, 3.0, 3.0, plain)
        found = _index_only(levels(fit_years(published_of(values, YEARS), plain), CI))
        score = 70 + lasting + changes[:, -1]
        hits.append(found["current_low"].le(score) & found["current_high"].ge(score))
    assert np.mean(hits) > 0.925


def test_noise_of_a_year_is_that_year_s(setup: RoundSetup) -> None:
    """Noise of 2022 with SD 3, of the other years 1.5: the mean of 12 generated nations of 150 finds 9 and 2.25."""
    rng, found = np.random.default_rng(5), []
    for _ in range(12):
        values, _, _ = simulated(rng, 150, 4.0, 2.0, 1.5, setup.years)
        values[:, 1] += np.sqrt(3.0**2 - 1.5**2) * rng.standard_normal(150)
        published = published_of(values, (2021, 2022, 2023, 2024), parts=True)
        found.append([published_noise(published, setup.years, "kota", year)["index"] for year in (2022, 2023)])
    variances, df = np.moveaxis(np.array(found), 2, 0)
    error = variances.std(axis=0, ddof=1) / np.sqrt(12)
    assert (np.abs(variances.mean(axis=0) - [9, 2.25]) < 3 * error + 0.1).all(), variances.mean(axis=0)
    assert ((df > 5) & (df < 300)).all(), "no more than twice as many as institutions"


def test_no_year_is_taken_as_free_of_noise(setup: RoundSetup) -> None:
    """2022 lies between the other years, closer than level and change allow: its noise is estimated at the border, and
    chances count with more than that, but less than with the noise of the other years.
    """
    rng = np.random.default_rng(4)
    values, lasting, changes = simulated(rng, 60, 4.0, 2.0, 2.5, setup.years)
    values[:, 1] = 70 + lasting + changes[:, [0, 2]].mean(axis=1)
    model = fit_years(published_of(values, (2021, 2022, 2023, 2024), parts=True), setup.years)
    fit = next(one for one in model.fits if one.panel.series == "index")
    assert fit.fit.on_floor[NOISE + fit.panel.noise_group[1]]
    spread = type_spreads(model)["kota"]
    assert 0.1 < spread.own_noise[2022] < spread.noise
    assert spread.noise == np.sqrt(fit.fit.theta[NOISE])


def test_no_noise_where_there_is_no_model(setup: RoundSetup) -> None:
    values, _, _ = simulated(np.random.default_rng(1), 30, 4.0, 2.0, 1.5, setup.years)
    years = (2021, 2022, 2023, 2024)
    published = published_of(values, years, parts=True)
    assert published_noise(published, setup.years, "bumn", 2022) == {}, "nobody of the type"
    assert published_noise(published, setup.years, "kota", 2020) == {}, "nothing published that year"
    two = published[published["year"] >= 2023]
    assert published_noise(two, setup.years, "kota", 2023) == {}, "two years cannot tell noise from change"


def test_order_of_rows_changes_nothing(plain) -> None:
    y, _ = longitudinal()
    table = published_of(y, (2021, 2022, 2023, 2024, 2025))
    shuffled = table.sample(frac=1, random_state=3)
    first, second = (levels(fit_years(t, plain), CI) for t in (table, shuffled))
    pd.testing.assert_frame_equal(first, second)


def test_a_constant_shifts_levels_and_nothing_else(plain) -> None:
    y, _ = longitudinal()
    y = y - 40
    models = [fit_years(published_of(y + shift, (2021, 2022, 2023, 2024, 2025)), plain) for shift in (0.0, 8.0)]
    low, high = (_index_only(levels(model, CI)) for model in models)
    np.testing.assert_allclose(high["current"] - low["current"], 8.0, atol=1e-4)
    np.testing.assert_allclose(high["lasting_high"] - low["lasting_high"], 8.0, atol=1e-4)
    np.testing.assert_allclose(models[0].fits[0].fit.theta, models[1].fits[0].fit.theta, rtol=1e-4)
    first, second = (_index_only(moves(model, CI, 0.05)) for model in models)
    np.testing.assert_allclose(first["own_move"], second["own_move"], atol=1e-8)


def test_levels_are_shrunk_by_hand(plain) -> None:
    """Without change and with equal years: type mean + level / (level + noise / T) x the mean departure."""
    y, _ = longitudinal()
    y = y[~np.isnan(y).any(axis=1)]
    model = fit_years(published_of(y, (2021, 2022, 2023, 2024, 2025)), plain)
    fit = model.fits[0]
    theta = fit.fit.theta
    v = theta[LEVEL] + theta[CHANGE] * fit.bases[CHANGE] + theta[NOISE] * np.eye(5)
    residual = y - y.mean(axis=0)
    expected = y.mean(axis=0)[-1] + theta[LEVEL] * np.ones(5) @ np.linalg.solve(v, residual.T)
    np.testing.assert_allclose(_index_only(levels(model, CI))["lasting"], expected, rtol=1e-8)


def test_a_planted_move_stands_out_and_noise_does_not(plain) -> None:
    rng = np.random.default_rng(5)
    values, _, _ = simulated(rng, 200, 4.0, 0.5, 2.0, plain)
    values[17, -1] += 20
    found = _index_only(moves(fit_years(published_of(values, YEARS), plain), CI, 0.05))
    assert found.index[found["stands_out"]].tolist() == ["kota-buatan-017"]
    assert (found["q_value"] >= found["p_value"]).all()
    assert found["own_move"].mean() == pytest.approx(0, abs=0.05), "less the type's own move"
    inside = found["own_move"].abs() <= found["noise_limit"]
    assert inside.mean() > 0.93
    # Noise of 2 points in both years: sqrt(8) for their difference.
    assert found["noise_sd"].iloc[0] == pytest.approx(8**0.5, rel=0.2)
    assert (found["noise_limit"] / found["noise_sd"]).between(1.96, 2.2).all()


def test_false_discoveries_are_kept_to_their_share(plain) -> None:
    """Nothing but noise between the years, 60 times: any discovery is false; at most 5 % of the nations have one."""
    rng = np.random.default_rng(13)
    false = 0
    for _ in range(60):
        values = 70 + 4 * rng.standard_normal((60, 1)) + 2 * rng.standard_normal((60, 4))
        found = _index_only(moves(fit_years(published_of(values, YEARS), plain), CI, 0.05))
        false += bool(found["stands_out"].any())
    assert false <= 0.05 * 60 + 3 * np.sqrt(60 * 0.05 * 0.95)


def test_no_noise_that_can_be_told_from_change_lets_no_move_stand_out(plain) -> None:
    """Changes that fade and no noise at all: the model must not call every move proven because noise is near 0."""
    rng = np.random.default_rng(2)
    values, _, _ = simulated(rng, 30, 0.5, 3.0, 0.0, plain)
    found = _index_only(moves(fit_years(published_of(values, YEARS), plain), CI, 0.05))
    assert found["stands_out"].mean() < 0.5


def test_the_break_year_has_its_own_shift_and_noise(setup: RoundSetup) -> None:
    """Half of the institutions lose 3 points in 2022 through a deduction that is in no part; nobody else does."""
    rng = np.random.default_rng(4)
    values, _, _ = simulated(rng, 100, 4.0, 1.0, 1.0, setup.years)
    table = published_of(values, (2021, 2022, 2023, 2024), parts=True)
    hit = (table["year"] == 2022) & (table["institution_id"] < "kota-buatan-050")
    table.loc[hit, "index"] -= 3
    assert marked_rows(table, setup.years)["marked"].sum() == 50
    found = components(fit_years(table, setup.years), CI).query("series == 'index'")
    shift = found[found["part"] == "mode_shift"].iloc[0]
    assert shift["year"] == 2022
    assert shift["ci_low"] < -3 < shift["ci_high"]
    assert found[found["part"] == "noise"]["year"].dropna().tolist() == [2021, 2022]
    sources = components(fit_years(table, setup.years), CI).query("series == 'expert' and part == 'mode_shift'")
    assert sources["ci_low"].iloc[0] < 0 < sources["ci_high"].iloc[0], "the sources were not shifted"


def test_a_shift_of_everybody_cannot_be_told_from_the_year(setup: RoundSetup) -> None:
    values, _, _ = simulated(np.random.default_rng(4), 60, 4.0, 1.0, 1.0, setup.years)
    table = published_of(values, (2021, 2022, 2023, 2024), parts=True)
    table.loc[table["year"] == 2022, "index"] -= 3
    panel = panel_of(marked_rows(table, setup.years), "index", "kota", setup.years)
    assert panel is not None
    assert panel.design.shape[2] == 4, "no column of its own: it would repeat that of the year"


@pytest.mark.parametrize(("n", "years"), [(15, (2022, 2023, 2024)), (40, (2023, 2024))])
def test_too_few_institutions_or_years_are_left_out_and_named(setup: RoundSetup, n: int, years) -> None:
    values, _, _ = simulated(np.random.default_rng(1), n, 4.0, 1.0, 1.0, setup.years, len(years))
    table = published_of(values, years)
    model = fit_years(table, setup.years)
    assert model.fits == []
    assert model.left_out.to_dict("records") == [{"type": "kota", "n": n}]
    assert levels(model, CI).empty
    assert moves(model, CI, 0.05).empty
    assert hold_out(table, setup.years, CI).empty


def test_missing_parts_leave_the_index_standing(plain) -> None:
    y, _ = longitudinal()
    table = published_of(y, (2021, 2022, 2023, 2024, 2025), parts=True).assign(expert=np.nan)
    assert {fit.panel.series for fit in fit_years(table, plain).fits} == {"index", "internal", "external"}


def test_institutions_absent_in_the_last_year_get_no_level(plain) -> None:
    y, _ = longitudinal()
    gone = np.isnan(y[:, -1])
    assert gone.any()
    model = fit_years(published_of(y, (2021, 2022, 2023, 2024, 2025)), plain)
    assert len(_index_only(levels(model, CI))) == (~gone).sum()
    both = ~gone & ~np.isnan(y[:, -2])
    assert len(_index_only(moves(model, CI, 0.05))) == both.sum()


def test_the_held_out_year_is_not_looked_at(plain) -> None:
    """With the common move unknown, what is predicted does not follow from the held-out values."""
    rng = np.random.default_rng(9)
    values, _, _ = simulated(rng, 150, 4.0, 2.0, 2.0, plain, 5)
    table = published_of(values, (2021, 2022, 2023, 2024, 2025))
    other = table.assign(
        index=table["index"].where(table["year"] < 2025, table["index"] + rng.normal(0, 9, len(table)))
    )
    other["index"] = other["index"].clip(0, 100)
    first, second = (
        hold_out(t, plain, CI).query("series == 'index' and common_move == 'unknown'") for t in (table, other)
    )
    np.testing.assert_allclose(first["width"], second["width"], rtol=1e-12)
    assert (first["log_score"].to_numpy() > second["log_score"].to_numpy()).all()


def test_the_model_foretells_better_than_simple_rules_where_it_is_true(plain) -> None:
    rng = np.random.default_rng(21)
    tables = []
    for _ in range(6):
        values, _, _ = simulated(rng, 200, 4.0, 2.0, 2.5, plain, 5)
        tables.append(hold_out(published_of(values, (2021, 2022, 2023, 2024, 2025)), plain, CI))
    found = (
        pd.concat(tables)
        .query("series == 'index' and common_move == 'known'")
        .groupby("method")
        .mean(numeric_only=True)
    )
    assert found["log_score"].idxmax() == "model"
    assert found["rmse"].idxmin() == "model"
    assert found.loc["model", "coverage"] == pytest.approx(0.95, abs=0.02)


def test_hold_out_by_hand(plain) -> None:
    """ "Same as last year" with the common move known: errors are differences of departures from the type's means."""
    values, _, _ = simulated(np.random.default_rng(3), 50, 4.0, 2.0, 2.0, plain, 4)
    row = hold_out(published_of(values, YEARS), plain, CI).query(
        "series == 'index' and common_move == 'known' and method == 'same_as_last_year'"
    )
    departures = values - values.mean(axis=0)
    errors = departures[:, -1] - departures[:, -2]
    assert row["rmse"].iloc[0] == pytest.approx(np.sqrt((errors**2).mean()))
    sd = np.sqrt((np.diff(departures[:, :3], axis=1) ** 2).mean())
    density = -0.5 * np.log(2 * np.pi * sd**2) - errors**2 / (2 * sd**2)
    assert row["log_score"].iloc[0] == pytest.approx(density.mean())
    assert row["coverage"].iloc[0] == pytest.approx((np.abs(errors) < 1.959964 * sd).mean())
