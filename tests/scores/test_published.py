"""Published years: read, recomputed, compared."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from spi_analysis.errors import InputError
from spi_analysis.params import RoundSetup
from spi_analysis.scores import (
    categories_by_year,
    conduct_correction,
    corrections_by_year,
    load_published,
    means_by_type,
    movers,
    published_bridge,
    recompute,
    yearly_means,
)
from spi_analysis.tables import published_history

HEADER = "year,institution,type,province_code,index,internal,external,expert,correction_conduct,correction_facts\n"
ROWS = [
    "2023,Kota Satu,kota,35,70.00,80,70,60.00,0,0",
    "2024,KOTA SATU,kota,35,74.00,80,75,70.00,0.69,0",
    "2023,Kab. Dua,kabupaten,35,72.00,,,,,",
    "2024,Kabupaten Dua,kabupaten,35,79.00,,,,,",
    "2024,NASIONAL,nasional,,71.53,78,83,66,1,1",
]


def file(folder: Path, rows: list[str] = ROWS, header: str = HEADER) -> Path:
    path = folder / "published.csv"
    path.write_text(header + "\n".join(rows) + "\n", encoding="utf-8-sig")
    return path


@pytest.fixture
def published(tmp_path: Path) -> pd.DataFrame:
    return load_published(file(tmp_path))


def test_names_are_joined_over_the_years(published: pd.DataFrame) -> None:
    assert published_history(published, "kota-satu")["index"].tolist() == [70, 74]
    assert published_history(published, "kabupaten-dua")["year"].tolist() == [2023, 2024]
    assert published["province_code"].isna().sum() == 1


def test_recomputed_index_by_hand(published: pd.DataFrame, setup: RoundSetup) -> None:
    table = recompute(published, setup.years).set_index("year")
    assert len(table) == 2, "rows without parts, and the national row, are left out"
    assert table.loc[2024, "recomputed"] == pytest.approx(0.305 * 80 + 0.328 * 75 + 0.367 * 70 - 0.69)
    assert table.loc[2024, "agrees"]
    assert table.loc[2023, "difference"] == pytest.approx(70 - (0.3046 * 80 + 0.3279 * 70 + 0.3675 * 60))
    assert not table.loc[2023, "agrees"]


def test_means_leave_the_national_row_out(published: pd.DataFrame, setup: RoundSetup) -> None:
    few_will_do = setup.years.model_copy(update={"min_national": 2})
    table = yearly_means(published, few_will_do).set_index("year")
    assert table.loc[2024, ["n", "plain_mean"]].tolist() == [2, 76.5]
    assert table.loc[2024, "gap"] == pytest.approx(76.5 - 71.53)
    assert not table.loc[2024, "explained"], "a gap of five points is shown, not forced"
    assert means_by_type(published)["n"].sum() == 4


def test_two_institutions_are_no_nation(published: pd.DataFrame, setup: RoundSetup) -> None:
    table = yearly_means(published, setup.years)
    assert (table["n"] < setup.years.min_national).all()
    assert table[["gap", "explained"]].isna().all(axis=None), "a gap to the official index would mean nothing"


def test_categories_are_counted_lowest_first(published: pd.DataFrame, setup: RoundSetup) -> None:
    table = categories_by_year(published, setup.years)
    assert list(table.columns) == ["sangat_rentan", "rentan", "waspada", "terjaga"]
    assert table.loc[2024].tolist() == [pd.NA, 0, 1, 1], "since 2023 there is no Sangat Rentan: a dash, not 0"
    assert table.loc[2023].tolist() == [pd.NA, 2, 0, 0]


def test_every_year_is_counted_by_its_own_rule(tmp_path: Path, setup: RoundSetup) -> None:
    """The same five indices in four years: 67.9, 73, 73.7, 77.5, 78."""
    rows = [
        f"{year},Kota {name},kota,35,{index},,,,,"
        for year in (2021, 2022, 2023, 2024)
        for name, index in zip("ABCDE", (67.9, 73, 73.7, 77.5, 78), strict=True)
    ]
    table = categories_by_year(load_published(file(tmp_path, rows)), setup.years)
    assert table.loc[2022].tolist() == [1, 1, 1, 2]
    assert table.loc[2023].tolist() == table.loc[2024].tolist() == [pd.NA, 1, 3, 1]
    assert table.loc[2021].isna().all(), "a year of which no rule is known is not counted by another's"


def test_movers_are_the_largest_rises_then_the_largest_falls(published: pd.DataFrame) -> None:
    assert movers(published, 2023, 2024, 1)["institution_id"].tolist() == ["kabupaten-dua", "kota-satu"]
    assert movers(published, 2023, 2024, 5)["change"].tolist() == [7, 4], "nobody is listed twice"


def test_bridge_of_published_years_sums_to_the_change(published: pd.DataFrame, setup: RoundSetup) -> None:
    assert published_bridge(published, "kota-satu", 2023, 2024, setup.years)["points"].sum() == pytest.approx(4)


def test_figures_carried_by_the_project_agree_with_the_formula(setup: RoundSetup) -> None:
    table = recompute(load_published(setup.workspace.params / "published.csv"), setup.years)
    assert len(table) >= 5
    assert table["agrees"].all(), table[~table["agrees"]].to_string()


YEAR_2022 = [
    # Weighted scores 0.3046 * 80 + 0.3279 * 80 + 0.3675 * 80 = 80 in both; the first is published 4 points short of it.
    "2022,Kota Satu,kota,35,74.00,80,80,80.00,1.5,0.5",
    "2022,Kota Dua,kota,35,79.01,80,80,80.00,1,0",
    "2023,Kota Satu,kota,35,78.00,80,80,80.00,1.5,0.5",
]


def test_the_third_correction_of_2022_by_hand(tmp_path: Path, setup: RoundSetup) -> None:
    published = load_published(file(tmp_path, YEAR_2022))
    table = recompute(published, setup.years).set_index(["year", "institution_id"])
    assert table.loc[(2022, "kota-satu"), "correction_total"] == pytest.approx(6)
    assert table.loc[(2022, "kota-satu"), "correction_other"] == pytest.approx(4)
    assert table.loc[(2022, "kota-dua"), "correction_other"] == 0, "0.01 is rounding"
    assert np.isnan(table.loc[(2023, "kota-satu"), "correction_other"]), "a correction of 2022 only"
    years = corrections_by_year(published, setup.years).set_index("year")
    assert years.loc[2022, ["n", "lowest", "mean", "highest"]].tolist() == pytest.approx([2, 0.99, 3.495, 6])
    assert years.loc[2022, "n_other"] == 1
    assert pd.isna(years.loc[2023, "n_other"])


def test_the_third_correction_is_a_bar_of_its_own(tmp_path: Path, setup: RoundSetup) -> None:
    """It was lifted in 2023: 4 points up, and nothing is left unexplained."""
    published = load_published(file(tmp_path, YEAR_2022))
    contributions = published_bridge(published, "kota-satu", 2022, 2023, setup.years).set_index("part")["points"]
    assert contributions["correction_other"] == pytest.approx(4)
    assert contributions["unexplained"] == pytest.approx(0)
    assert "correction_other" not in published_bridge(published, "kota-satu", 2023, 2023, setup.years)["part"].tolist()


@pytest.mark.parametrize(("conduct_index", "points"), [(2.27, 0.19), (44.88, 3.764), (87.40, 7.33)])
def test_conduct_correction_of_2022_is_that_of_the_reading_guide(
    setup: RoundSetup, conduct_index: float, points: float
) -> None:
    """KPK's reading guide of SPI 2022: conduct index lowest / mean / highest, and the points taken off."""
    assert conduct_correction(conduct_index, 2022, setup.years) == pytest.approx(points, abs=0.005)


def test_the_constant_of_another_year_is_not_known(setup: RoundSetup) -> None:
    with pytest.raises(InputError, match="no known rule") as caught:
        conduct_correction(50, 2023, setup.years)
    assert "2022" in str(caught.value)


@pytest.mark.parametrize(
    ("rows", "header", "parts"),
    [
        (ROWS, HEADER.replace("expert", "eksper"), ["a column is missing", "column expert"]),
        (["2023,Kota Satu,kota,35,x,,,,,"], HEADER, ["row 2", "column index", "got: x", "0 to 100"]),
        (["2023,Kota Satu,kota,35,,,,,,"], HEADER, ["row 2", "column index", "got: nothing"]),
        (["2023,Kota Satu,kota,35,170,,,,,"], HEADER, ["got: 170"]),
        (["23,Kota Satu,kota,35,70,,,,,"], HEADER, ["column year", "2000 to 2100"]),
        (["2023.5,Kota Satu,kota,35,70,,,,,"], HEADER, ["column year", "got: 2023.5", "a whole number"]),
        (["2023,  ,kota,35,70,,,,,"], HEADER, ["row 2", "column institution", "got: nothing"]),
        (["2023,Kota Satu,kotta,35,70,,,,,"], HEADER, ["row 2", "column type", "got: kotta", "did you mean 'kota'?"]),
        (["2023,Kota Satu,kota,3A,70,,,,,"], HEADER, ["row 2", "column province_code", "got: 3A"]),
        (["2023,Kota Satu,kota,35,70,,,,,,9", "2023,Kota Dua"], HEADER, ["more cells", "row 2", "fewer", "row 3"]),
        (["", "2023,Kota Satu,kota,35,x,,,,,"], HEADER, ["row 3", "got: x"]),
        (["2023,Kota \0Satu,kota,35,70,,,,,"], HEADER, ["NUL character", "row 2"]),
        (['2023,"Kota Satu,kota,35,70,,,,,'], HEADER, ["a quotation mark is not closed", "row 2"]),
        ([], HEADER, ["no rows below its header"]),
        ([], "", ["the file is empty"]),
        (ROWS, HEADER.replace(",", ";"), ["a column is missing", "divided from others by commas"]),
        (
            ["2023,Kota Satu,kota,35,70,,,,,", "2023,Pemerintah Kota Satu,kota,35,71,,,,,"],
            HEADER,
            ["twice in a year", "row 3"],
        ),
    ],
)
def test_bad_files_name_row_and_column(tmp_path: Path, rows: list[str], header: str, parts: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        load_published(file(tmp_path, rows, header))
    assert all(part in str(caught.value) for part in parts), str(caught.value)
    assert "published.csv" in str(caught.value)


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_another_encoding_is_refused(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "published.csv"
    path.write_text(HEADER + "2023,Kota \u00e9,kota,35,70,,,,,\n", encoding=encoding)
    with pytest.raises(InputError, match=r"not in UTF-8") as caught:
        load_published(path)
    assert "published.csv" in str(caught.value)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a folder"):
        load_published(tmp_path)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"published\.csv"):
        load_published(tmp_path / "published.csv")


@pytest.mark.parametrize(
    ("institution", "year", "parts"),
    [
        ("kota-sattu", 2023, ["no published result", "did you mean 'kota-satu'?"]),
        ("kabupaten-dua", 2023, ["parts of a published index are missing", "got: 2023"]),
        ("kota-satu", 2022, ["got: 2022"]),
    ],
)
def test_bridge_without_parts_is_explained(
    published: pd.DataFrame, setup: RoundSetup, institution: str, year: int, parts: list[str]
) -> None:
    with pytest.raises(InputError) as caught:
        published_bridge(published, institution, year, 2024, setup.years)
    assert all(part in str(caught.value) for part in parts), str(caught.value)
