from pathlib import Path

import pytest

from spi_analysis.errors import InputError
from spi_analysis.tables.importing.addressing import institution_of, source_of, stream_of


@pytest.mark.parametrize(
    ("name", "institution"),
    [
        ("kota-mojokerto__internal.xlsx", "kota-mojokerto"),
        ("daftar_pegawai_kota_tebing_tinggi.xlsx", "kota-tebing-tinggi"),
        ("Data Pegawai Pemkot Bengkulu 2024.xlsx", "kota-bengkulu"),
        ("Pengguna Layanan Kab. Probolinggo.csv", "kabupaten-probolinggo"),
        ("PEMKAB PROBOLINGGO pegawai.csv", "kabupaten-probolinggo"),
        ("pegawai pangkalpinang.csv", "kota-pangkalpinang"),
    ],
)
def test_the_name_says_whose_list_it_is(name, institution, setup, frame_words):
    assert institution_of(Path(name), setup, frame_words) == institution


def test_an_unknown_institution_is_told_with_the_nearest(setup, frame_words):
    with pytest.raises(InputError, match="did you mean 'kota-mojokerto'"):
        institution_of(Path("pegawai_kota-mojokreto_2024.xlsx"), setup, frame_words)


def test_the_regency_of_the_same_name_is_not_the_city(setup, frame_words):
    with pytest.raises(InputError, match="no institution"):
        institution_of(Path("pegawai kabupaten mojokerto.xlsx"), setup, frame_words)


def test_two_institutions_in_a_name(setup, frame_words):
    with pytest.raises(InputError, match="several institutions"):
        institution_of(Path("kota-mojokerto dan kota-bengkulu internal.xlsx"), setup, frame_words)


@pytest.mark.parametrize(
    ("name", "sheet", "source"),
    [
        ("kota-mojokerto__internal.xlsx", "", "internal"),
        ("Daftar ASN.xlsx", "", "internal"),
        ("pengguna layanan.csv", "", "external"),
        ("kota-mojokerto QR.csv", "", "external"),
        ("narasumber ahli.xlsx", "", "expert"),
        ("kota-mojokerto.xlsx", "Eksper", "expert"),
    ],
)
def test_the_name_or_else_the_sheet_says_which_source(name, sheet, source, frame_words):
    assert source_of(Path(name), sheet, frame_words) == source


@pytest.mark.parametrize("name", ["kota-mojokerto.xlsx", "pegawai dan narasumber.xlsx"])
def test_no_or_several_sources_are_an_error(name, frame_words):
    with pytest.raises(InputError, match="source"):
        source_of(Path(name), "Sheet1", frame_words)


def test_self_registration_is_a_stream_of_its_own(frame_words):
    assert stream_of(Path("layanan kota-mojokerto pendaftaran mandiri.csv"), "", frame_words) == "self_registered"
    assert stream_of(Path("layanan kota-mojokerto.csv"), "", frame_words) == "list"
