from pathlib import Path

import pytest

from spi_analysis.errors import InputError
from spi_analysis.tables import eligible_list
from spi_analysis.tables.importing.addressing import institution_of, source_of, stream_of
from tests.tables.lists import CITY, users


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
    assert source_of(Path(name), sheet, frame_words.sources) == source


@pytest.mark.parametrize("name", ["kota-mojokerto.xlsx", "pegawai dan narasumber.xlsx"])
def test_no_or_several_sources_are_an_error(name, frame_words):
    with pytest.raises(InputError, match="source"):
        source_of(Path(name), "Sheet1", frame_words.sources)


def test_self_registration_is_a_stream_of_its_own(frame_words):
    assert stream_of(Path("layanan kota-mojokerto pendaftaran mandiri.csv"), "", frame_words) == "self_registered"
    assert stream_of(Path("layanan kota-mojokerto.csv"), "", frame_words) == "list"


FORM = [
    ["Stempel waktu", "Nama lengkap", "Unit Layanan", "No WA", "Jenis kelamin"],
    ["2024/07/01 9:12:33 AM GMT+7", "Pengguna Satu", "Dinas Sosial", "081200000001", "P"],
    ["2024/07/01 9:14:03 AM GMT+7", "Pengguna Dua", "Dinas Sosial", "081200000002", "L"],
]


def with_header(header, rows=FORM):
    return [[header, *rows[0][1:]], *rows[1:]]


@pytest.mark.parametrize(
    "header", ["Stempel waktu", "Timestamp", "Cap Waktu", "Tanggal Pengisian", "_submission_time", "Completion time"]
)
def test_the_columns_of_a_form_raise_the_question(bring, write_csv, store, header):
    """Whoever found the link filled it in: named as a list of users, it would count as a probability sample."""
    result = bring(write_csv("pengguna layanan kota-mojokerto.csv", with_header(header)))
    (problem,) = result.failed
    assert "online form" in problem.what
    assert problem.column == header
    assert "--stream list" in problem.expected
    assert "--stream self_registered" in problem.expected
    assert not store.has("frame", CITY), "nothing is decided silently"


@pytest.mark.parametrize("stream", ["list", "self_registered"])
def test_whoever_knows_says_which_stream_it_is(bring, write_csv, store, stream):
    result = bring(write_csv("pengguna layanan kota-mojokerto.csv", FORM), stream=stream)
    assert not result.failed
    assert store.read("frame", CITY)["stream"].tolist() == [stream] * 2
    assert len(eligible_list(store.read("frame", CITY), "external")) == (2 if stream == "list" else 0), "what is drawn"


def test_the_name_says_it_too_and_the_option_goes_before_the_name(bring, write_csv, store):
    file = write_csv("kota-mojokerto QR.csv", FORM)
    bring(file)
    assert set(store.read("frame", CITY)["stream"]) == {"self_registered"}
    bring(file, stream="list")
    assert set(store.read("frame", CITY)["stream"]) == {"list"}
    with pytest.raises(InputError, match="unknown stream") as caught:
        bring(file, stream="lists")
    assert "did you mean 'list'" in str(caught.value)


@pytest.mark.parametrize(
    ("names", "asks"),
    [(["satu@contoh.id", "dua@contoh.id"], True), (["Pengguna Satu", "Pengguna Dua"], False),
     (["Pengguna Satu", "dua@contoh.id"], False)],
)  # fmt: skip
def test_user_names_that_are_addresses_come_from_a_form(bring, write_csv, names, asks):
    """ "Nama pengguna" is the name of a service user on a list, and the signed-in address on a Google form."""
    rows = [["Nama pengguna", "Unit Layanan", "No WA"]]
    rows += [[name, "Dinas Sosial", f"08120000000{i}"] for i, name in enumerate(names, 1)]
    result = bring(write_csv("pengguna layanan kota-mojokerto.csv", rows))
    assert bool(result.failed) == asks


def test_a_form_holds_up_the_other_files_of_its_source_only(bring, write_csv, write_xlsx, store, employees):
    files = [write_csv("layanan kota-mojokerto.csv", users(("Satu", "081200000005", "01/05/2024"))),
             write_csv("pengguna kota-mojokerto.csv", FORM),
             write_xlsx("kota-mojokerto__internal.xlsx", employees)]  # fmt: skip
    result = bring(*files)
    assert [problem.file for problem in result.failed] == ["pengguna kota-mojokerto.csv", "layanan kota-mojokerto.csv"]
    assert set(store.read("frame", CITY)["source"]) == {"internal"}
