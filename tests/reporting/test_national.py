"""The overview: five institutions are five institutions, names are names."""

from dataclasses import replace

import pandas as pd
import pytest

from spi_analysis.reporting.names import institution_names, readable
from spi_analysis.reporting.national import (
    agreement_table,
    bridge_view,
    categories_table,
    means_table,
    round_table,
    unjoined_table,
)
from spi_analysis.stages.overview import national_overview
from spi_analysis.stages.report import RoundResult
from spi_analysis.tables import published_results


@pytest.fixture(scope="module")
def overview(setup):
    return national_overview(setup, published_results(setup))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("SEKRETARIAT JENDERAL DPR RI", "Sekretariat Jenderal DPR RI"),
        ("BADAN PEMERIKSA KEUANGAN (BPK-RI)", "Badan Pemeriksa Keuangan (BPK-RI)"),
        ("KEMENTERIAN KELAUTAN DAN PERIKANAN", "Kementerian Kelautan dan Perikanan"),
        (
            "LEMBAGA KEBIJAKAN PENGADAAN BARANG/JASA PEMERINTAH (LKPP)",
            "Lembaga Kebijakan Pengadaan Barang/Jasa Pemerintah (LKPP)",
        ),
        ("PEMERINTAH KOTA MOJOKERTO", "Kota Mojokerto"),
        ("Pemerintah Kota Mojokerto", "Kota Mojokerto"),
    ],
)
def test_names_are_written_as_people_write_them(name, expected):
    assert readable(name) == expected


def test_the_roster_names_before_the_published_table(setup, overview):
    assert institution_names(overview.published, setup.roster)["kota-mojokerto"] == "Kota Mojokerto"


def test_a_mean_of_five_is_not_called_national(setup, overview):
    html = means_table(overview, setup).to_html("id")
    assert "Instansi di sini" in html
    assert "kurang dari 500 instansi" in html
    assert "bukan indeks nasional" in html


def test_the_footnote_on_2022_stands_only_where_2022_does(setup, overview):
    assert overview.recomputed["year"].tolist() == [2024] * 5
    assert "2022" not in agreement_table(overview, setup).to_html("id")


def test_categories_of_every_year_are_counted_and_explained_by_its_own_rule(setup, overview):
    """params/published.csv: 2022 has 76.99, 69.25, 71.40, 70.10, 69.79; no rule of 2021 is known."""
    assert overview.categories.loc[2022].tolist() == [0, 4, 1, 0]
    html = categories_table(overview, setup).to_html("en")
    assert "2022: Very vulnerable below 68, Vulnerable from 68 to below 73.7" in html
    assert "2023, 2024: Vulnerable below 73" in html
    assert "Which rule held for 2021 is not known here." in html
    assert "2023, 2024: Rentan di bawah 73" in categories_table(overview, setup).to_html("id")


def test_without_the_parts_of_two_years_there_is_no_bridge(setup, overview):
    assert bridge_view(overview, setup, "kota-mojokerto").to_html("id") == ""


def test_where_no_name_is_near_there_is_no_empty_column(setup, overview):
    alone = pd.DataFrame({"institution_id": ["kota-mojokerto"], "type": ["kota"], "years": ["2024"],
                          "missing_years": ["2023"], "nearest": [""]})  # fmt: skip
    html = unjoined_table(replace(overview, unjoined=alone), setup).to_html("id")
    assert "Kota Mojokerto" in html
    assert "Nama terdekat" not in html
    assert "tidak ada tanda pergantian nama" in html
    near = alone.assign(nearest="kota-bengkulu")
    assert "Kota Bengkulu" in unjoined_table(replace(overview, unjoined=near), setup).to_html("id")


def test_each_category_stands_with_its_chance_and_generated_rounds_say_so(setup):
    result = RoundResult(setup.roster["kota-mojokerto"], 77.0, 74.5, 79.5, 800, "waspada", 0.79, "shown")
    html = round_table([result], setup, is_synthetic=True).to_html("id")
    assert "Indeks 2024 (data buatan)" in html
    assert "79%" in html
    assert "buatan" not in round_table([result], setup, is_synthetic=False).to_html("id")


def test_response_rates_stand_by_source_and_those_kept_back_are_a_dash(setup):
    result = RoundResult(setup.roster["kota-mojokerto"], 77.0, 74.5, 79.5, 800, "waspada", 0.79, "shown")
    html = round_table([replace(result, rates={"internal": 0.3125})], setup, is_synthetic=False).to_html("en")
    assert "Response rate (RR1), Internal" in html
    assert "31.2%" in html
    assert "Response rate (RR1), External" in html
    assert "Response rate (RR1), Expert" not in html


def test_a_report_of_an_earlier_state_is_marked_and_no_column_stands_for_nothing(setup):
    one = RoundResult(setup.roster["kota-mojokerto"], 77.0, 74.5, 79.5, 800, "waspada", 0.79, "shown")
    other = replace(one, institution=setup.roster["kota-bengkulu"], stale=True)
    view = round_table([one, other], setup, is_synthetic=False)
    assert view.to_html("en").count("out of date") == 1
    assert view.to_html("id").count("belum diperbarui") == 1
    assert "up to date" not in round_table([one], setup, is_synthetic=False).to_html("en")
