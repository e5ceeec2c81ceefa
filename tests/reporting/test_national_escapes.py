"""The national page: published names come from a file, so they are text whatever they hold."""

from pathlib import Path

from spi_analysis.reporting.national import (
    agreement_table,
    categories_table,
    disagreement_table,
    distribution_chart,
    means_table,
    movers_table,
    types_chart,
    unjoined_table,
)
from spi_analysis.reporting.translations import languages
from spi_analysis.scores import load_published
from spi_analysis.stages.overview import national_overview

HEADER = "year,institution,type,province_code,index,internal,external,expert,correction_conduct,correction_facts"
SCRIPT = "<script>alert(1)</script>"


def test_a_published_name_like_a_script_is_text(setup, tmp_path: Path) -> None:
    rows = [
        f"2023,Kota {SCRIPT},kota,35,70.00,80,70,60.00,0,0",
        f"2024,Kota {SCRIPT},kota,35,91.00,80,75,70.00,0.69,0",
        "2023,Kota <img src=x onerror=alert(2)>,kota,35,72.00,,,,,",
    ]
    path = tmp_path / "published.csv"
    path.write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    overview = national_overview(setup, load_published(path))
    made = [
        agreement_table(overview, setup),
        disagreement_table(overview, setup),
        means_table(overview, setup),
        types_chart(overview),
        categories_table(overview, setup),
        distribution_chart(overview),
        movers_table(overview, setup),
        unjoined_table(overview, setup),
    ]
    page = "\n".join(shown.to_html(language) for shown in made for language in languages())
    assert "alert" in page, "the institution is there"
    assert "<script" not in page
    assert "<img src=x" not in page
