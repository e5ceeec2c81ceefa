import pandas as pd
import pytest

from spi_analysis.scores import unjoined
from spi_analysis.tables import institution_slug
from spi_analysis.tables.published_table import institution_ids


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Pemerintah Kota Mojokerto", "kota-mojokerto"),
        ("PEMERINTAH KOTA MOJOKERTO", "kota-mojokerto"),
        ("Kota Mojokerto", "kota-mojokerto"),
        ("Kab. Probolinggo", "kabupaten-probolinggo"),
        ("Pemkab Probolinggo", "probolinggo"),
        ("Kabupaten  Probolinggo", "kabupaten-probolinggo"),
        ("ARSIP NASIONAL REPUBLIK INDONESIA (ANRI)", "arsip-nasional-republik-indonesia"),
        ("Kemenko Polhukam", "kementerian-koordinator-polhukam"),
    ],
)
def test_slug(name: str, slug: str) -> None:
    assert institution_slug(name) == slug


def test_kota_and_kabupaten_of_one_name_stay_apart() -> None:
    assert institution_slug("Kota Mojokerto") != institution_slug("Kabupaten Mojokerto")


def test_renamed_institution_is_brought_to_its_present_name() -> None:
    ids = institution_ids(pd.Series(["Kementerian Lama", "Kementerian Baru"]), {"kementerian-lama": "kementerian-baru"})
    assert ids.tolist() == ["kementerian-baru", "kementerian-baru"]


def test_unjoined_names_the_nearest_that_is_missing_elsewhere() -> None:
    published = pd.DataFrame(
        [
            (2021, "kota-a", "kota"),
            (2022, "kota-a", "kota"),
            (2021, "kementerian-pariwisata-dan-ekonomi", "kementerian"),
            (2022, "kementerian-pariwisata", "kementerian"),
            (2022, "kota-b", "kota"),
        ],
        columns=["year", "institution_id", "type"],
    )
    table = unjoined(published).set_index("institution_id")
    assert "kota-a" not in table.index, "there in every year"
    assert table.loc["kementerian-pariwisata", "nearest"] == "kementerian-pariwisata-dan-ekonomi"
    assert table.loc["kota-b", ["missing_years", "nearest"]].tolist() == ["2021", ""]
