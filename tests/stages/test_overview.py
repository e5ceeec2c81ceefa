"""The national overview of a handful of published results."""

from pathlib import Path

import pandas as pd
import pytest

from spi_analysis.params import RoundSetup
from spi_analysis.scores import load_published
from spi_analysis.stages.overview import (
    Overview,
    agreement,
    disagreements,
    national_overview,
    overview_of,
    overview_tables,
    save_overview,
    save_published_years,
)

ROWS = """year,institution,type,province_code,index,internal,external,expert,correction_conduct,correction_facts
2022,Kota Satu,kota,35,65.52,80,70,60.00,0,3.85
2022,Kota Dua,kota,35,66.37,80,70,60.00,0,3
2024,Kota Satu,kota,35,74.00,80,75,70.00,0.69,0
2024,Kota Dua,kota,35,74.00,80,75,70.00,0.20,0
2024,NASIONAL,nasional,,71.53,,,,,
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "published.csv"
    file.write_text(ROWS, encoding="utf-8")
    return file


@pytest.fixture
def overview(path: Path, setup: RoundSetup) -> Overview:
    return national_overview(setup, load_published(path))


def test_agreement_counts_what_follows_from_the_parts(overview: Overview, setup: RoundSetup) -> None:
    """2022: 0.3046*80 + 0.3279*70 + 0.3675*60 = 69.371; minus 3.85 is 65.52 (agrees), minus 3 is 66.37 (agrees).

    2024: 0.305*80 + 0.328*75 + 0.367*70 = 74.69; minus 0.69 is 74.00 (agrees), minus 0.20 is 74.49 (does not).
    """
    table = agreement(overview, setup).set_index("year")
    assert table["n"].tolist() == [2, 2]
    assert table["agree"].tolist() == [2, 1]
    assert table.loc[2024, "largest"] == pytest.approx(0.49)
    assert "179 local governments" in table.loc[2022, "note"]
    assert table.loc[2024, "note"] == ""


def test_disagreements_are_named(overview: Overview) -> None:
    assert disagreements(overview)["institution_id"].tolist() == ["kota-dua"]
    assert disagreements(overview)["difference"].tolist() == pytest.approx([-0.49])


def test_tables_compare_the_last_two_years(path: Path, setup: RoundSetup) -> None:
    tables = overview_tables(overview_of(setup, path), setup, most=5, bridge_of="kota-satu")
    bridge = tables["kota-satu: what the change 2022 to 2024 is made of"]
    assert bridge["points"].sum() == pytest.approx(74.00 - 65.52)
    moves = tables["Largest moves 2022 to 2024 (published figures carry no interval)"]
    assert moves["change"].tolist() == pytest.approx([8.48, 7.63])


def test_files_are_written_whole(overview: Overview, tmp_path: Path) -> None:
    names = save_overview(overview, pd.DataFrame(columns=["institution_id"]), tmp_path / "overview")
    assert sorted(p.name for p in (tmp_path / "overview").iterdir()) == sorted(names)
    checks = save_published_years(overview, tmp_path / "checks")
    assert sorted(p.name for p in (tmp_path / "checks").iterdir()) == sorted(checks)
    assert set(names).isdisjoint(checks)
    assert (tmp_path / "checks" / "disagreements.csv").read_text(encoding="utf-8-sig").count("\n") == 2


def test_a_single_published_year_is_told_as_far_as_it_goes(path: Path, setup: RoundSetup, tmp_path: Path) -> None:
    path.write_text("".join(line for line in ROWS.splitlines(keepends=True) if not line.startswith("2022")))
    overview = national_overview(setup, load_published(path))
    assert overview.years == [2024]
    assert overview.model.hold_out.empty
    assert "Largest moves" not in " ".join(overview_tables(overview, setup, most=5, bridge_of="kota-satu"))
    save_overview(overview, pd.DataFrame(columns=["institution_id"]), tmp_path / "overview")
    save_published_years(overview, tmp_path / "checks")
