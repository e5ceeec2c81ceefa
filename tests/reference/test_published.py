"""Every published institution of 2021-2024 (a third party's copy of the commission's dashboard) against the formula."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from benchmarks.effect import failures_held_out, held_out
from spi_analysis.params import RoundSetup
from spi_analysis.scores import (
    categories_by_year,
    conduct_correction,
    corrections_by_year,
    load_published,
    recompute,
    unjoined,
    yearly_means,
)
from spi_analysis.scores.years import fit_years, hold_out, mean_move, moves, type_spreads
from spi_analysis.stages.overview import national_overview, overview_of, overview_tables
from tests.conftest import reference_folder

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module")
def published() -> pd.DataFrame:
    path: Path = reference_folder() / "data" / "published_scores.csv"
    if not path.is_file():
        pytest.skip(f"no published results in {path.parent} (set SPI_REFERENCE_DIR)")
    return load_published(path)


@pytest.mark.parametrize("year", [2021, 2023, 2024])
def test_every_index_follows_from_its_parts(published: pd.DataFrame, setup: RoundSetup, year: int) -> None:
    table = recompute(published, setup.years)
    table = table[table["year"] == year]
    assert len(table) > 600
    worst = table.loc[table["difference"].abs().idxmax()]
    assert table["agrees"].all(), f"{worst['institution']}: {worst['difference']:.3f} points"


def test_all_corrections_of_2022_together(published: pd.DataFrame, setup: RoundSetup) -> None:
    """DOMAIN.md: weighted sum minus index gives 0.19 / 5.42 / 16.16; KPK's guide 0.19 / 5.39 / 16.16."""
    year = corrections_by_year(published, setup.years).set_index("year").loc[2022]
    assert year[["lowest", "mean", "highest"]].round(2).tolist() == [0.19, 5.42, 16.16]
    assert year["n_other"] == 179
    official = setup.years.years[2022].official_correction
    assert (official.total.lowest, official.total.mean, official.total.highest) == (0.19, 5.39, 16.16)


def test_conduct_corrections_of_2022_are_those_of_the_guide(published: pd.DataFrame, setup: RoundSetup) -> None:
    """0.0839 x the guide's conduct index (2.27 / 44.88 / 87.40), beside what the table of results took off."""
    points = published.query("year == 2022 and type != 'nasional'")["correction_conduct"]
    index = setup.years.years[2022].conduct.index
    made = [conduct_correction(x, 2022, setup.years) for x in (index.lowest, index.mean, index.highest)]
    assert [points.min(), points.mean(), points.max()] == pytest.approx(made, abs=0.005)


def test_2022_carries_a_third_correction_that_nobody_named(published: pd.DataFrame, setup: RoundSetup) -> None:
    """DOMAIN.md: 179 local governments, median about 3.1 points, the largest 9.8; all others agree."""
    table = recompute(published, setup.years).query("year == 2022 and not agrees")
    assert len(table) == 179
    assert set(table["type"]) <= {"provinsi", "kota", "kabupaten"}
    assert -table["difference"].median() == pytest.approx(3.1, abs=0.1)
    assert -table["difference"].min() == pytest.approx(9.8, abs=0.06)
    assert (table["difference"] < -1).all(), "all of them deductions, none a rounding"


@pytest.mark.parametrize(
    ("year", "mean", "explained"), [(2021, 72.45, True), (2022, 71.95, True), (2023, 71.04, False), (2024, 71.52, True)]
)
def test_plain_means_beside_the_official_ones(
    published: pd.DataFrame, setup: RoundSetup, year: int, mean: float, explained: bool
) -> None:
    row = yearly_means(published, setup.years).set_index("year").loc[year]
    assert row["plain_mean"] == pytest.approx(mean, abs=0.01)
    assert row["explained"] == explained, "the gap of 2023 is shown, not forced"


def test_most_names_join_over_the_years(published: pd.DataFrame) -> None:
    assert len(unjoined(published)) < 0.15 * published["institution_id"].nunique()


def test_the_model_foretells_2024_better_than_simple_rules(published: pd.DataFrame, setup: RoundSetup) -> None:
    """Where the common move is known; the internal scores' common fall of 2024 is what no earlier year predicts."""
    table = hold_out(published, setup.years, 0.95)
    assert table["n"].min() > 600
    known = table[table["common_move"] == "known"].set_index(["series", "method"])
    for series in ("index", "internal", "external", "expert"):
        assert known.loc[series, "log_score"].idxmax() == "model"
        assert 0.85 < known.loc[(series, "model"), "coverage"] < 0.99


def test_most_published_moves_are_noise(published: pd.DataFrame, setup: RoundSetup) -> None:
    """DOMAIN.md: an index changes by 4.5 to 5.2 points a year; a move of that size proves nothing."""
    table = moves(fit_years(published, setup.years), 0.95, setup.years.model.false_discovery)
    index = table[table["series"] == "index"]
    assert (index["noise_limit"] > 5).all()
    assert not index.loc[index["own_move"].abs() < 5, "stands_out"].any()
    assert index["stands_out"].mean() < 0.05


def test_another_year_of_the_same_table_needs_no_code(
    published: pd.DataFrame, setup: RoundSetup, tmp_path: Path
) -> None:
    """2024 once more, called 2025 (made up): read, recomputed, modelled and held out like any other year."""
    source = pd.read_csv(reference_folder() / "data" / "published_scores.csv", dtype=str)
    path = tmp_path / "published_scores.csv"
    pd.concat([source, source[source["year"] == "2024"].assign(year="2025")]).to_csv(path, index=False)
    overview = national_overview(setup, load_published(path))
    assert overview.years == [2021, 2022, 2023, 2024, 2025]
    assert overview.model.last_year == 2025
    assert set(overview.model.rank_sets["type"]) == set(published.loc[published["index"].notna(), "type"]) - {
        "bumn",
        "nasional",
    }
    assert not overview.model.moves.query("own_move.abs() > 1e-6")["stands_out"].any(), "nothing moved"
    assert set(overview.model.hold_out["method"]) == {"model", "same_as_last_year", "type_mean"}
    assert "2025 held out and predicted" in overview_tables(overview_of(setup, path), setup, 5, "kota-mojokerto")


def test_institutions_by_category_of_each_year_s_own_rule(published: pd.DataFrame, setup: RoundSetup) -> None:
    """Counted in the CSV with decimal numbers (Python's Decimal, 2026-11-28); by the rule of 2023, 2022 had 103."""
    table = categories_by_year(published, setup.years)
    assert table.loc[2022].tolist() == [160, 232, 118, 115]
    assert table.loc[2023].tolist() == [pd.NA, 372, 182, 81]
    assert table.loc[2024].tolist() == [pd.NA, 376, 170, 96]


def test_chances_count_with_the_spreads_of_the_published_years(published: pd.DataFrame, setup: RoundSetup) -> None:
    """``chances`` in params/published.yaml is what the published indices of 2021-2024 give, to its two decimals."""
    spreads = type_spreads(fit_years(published, setup.years))
    kept = setup.years.chances
    assert kept is not None
    assert set(kept.types) == set(spreads)
    for type_, spread in spreads.items():
        found, own = spread.model_dump(), kept.types[type_].model_dump()
        for group in ("means", "own_noise"):
            assert own.pop(group) == pytest.approx(found.pop(group), abs=0.0051), type_
        assert own == pytest.approx(found, abs=0.0051), type_
    assert kept.mean_move == pytest.approx(mean_move(spreads), abs=0.051)


def test_rises_of_held_out_years_lie_in_their_intervals(published: pd.DataFrame, setup: RoundSetup) -> None:
    """Transitions 2021-2024, each held out: 90 to 97 % held, and off by at most a point on average."""
    found = held_out(published, setup.years)
    assert found.loc["all", "n"] == 1882
    assert not failures_held_out(found), found
