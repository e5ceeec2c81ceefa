import pytest

from spi_analysis.errors import InputError
from spi_analysis.params import RoundSetup
from spi_analysis.tables import import_published, published_results
from tests.params.conftest import workspace  # noqa: F401

HEADER = "year,institution,type,province_code,index,internal,external,expert,correction_conduct,correction_facts"


@pytest.fixture
def own(setup: RoundSetup, workspace) -> RoundSetup:  # noqa: F811
    from dataclasses import replace

    return replace(setup, workspace=workspace)


def test_the_project_s_figures_until_others_are_imported(own: RoundSetup, tmp_path) -> None:
    assert set(published_results(own)["institution_id"]) >= {"kota-mojokerto"}
    path = tmp_path / "new.csv"
    path.write_text(f"{HEADER}\n2023,Kota Lain,kota,35,70,,,,,\n", encoding="utf-8")
    import_published(own, path)
    assert published_results(own)["institution_id"].tolist() == ["kota-lain"]


def test_a_bad_file_replaces_nothing(own: RoundSetup, tmp_path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(f"{HEADER}\n2023,Kota Lain,kota,35,seventy,,,,,\n", encoding="utf-8")
    with pytest.raises(InputError, match="not a usable figure"):
        import_published(own, path)
    assert len(published_results(own)) > 1
