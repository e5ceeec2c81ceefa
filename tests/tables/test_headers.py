import pytest

from spi_analysis.tables.importing.headers import HeaderWords, find_header, missing_columns
from spi_analysis.tables.importing.readers import Sheet


@pytest.fixture
def words(frame_words):
    return HeaderWords(frame_words.fields, frame_words.header)


def sheet(*rows):
    return Sheet("list.xlsx", "Data", [tuple(row) for row in rows])


def test_the_header_is_found_below_titles_and_gaps(words):
    found = find_header(sheet(["DAFTAR NAMA PEGAWAI"], [], ["Kota"], ["No", "NAMA", "Unit Kerja", "Jabatan"]), words)
    assert found.row == 3
    assert found.columns == {"name": 1, "unit": 2, "position": 3}


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("N I P", "employee_number"),
        ("Nama Lengkap (tanpa gelar)*", "name"),
        ("NO. HP/WA", "phone"),
        ("Nomor WhatsApp", "whatsapp"),
        ("E-Mail", "email"),
        ("Perangkat Daerah", "unit"),
        ("Eselon", "echelon"),
        ("Jenis Kelamin (L/P)", "sex"),
        ("Tgl. Lahir", "birth_date"),
        ("TMT", "start_date"),
        ("Masa Kerja di Unit", "unit_tenure_years"),
        ("jabatam", "position"),
        ("Jenis Kelmain", "sex"),
        ("Emial", "email"),
    ],
)
def test_headers_and_their_misspellings(words, header, field):
    found = find_header(sheet([header, "Layanan"]), words)
    assert field in found.columns


def test_a_header_of_two_rows(words):
    found = find_header(
        sheet(
            ["No", "Nama", "Masa Kerja", None, "Kontak", None],
            [None, None, "Tahun", "Unit", "No HP", "Email"],
            [1, "Budi", 5, 2, "0812", "a@b.id"],
        ),
        words,
    )
    assert found.row == 1
    assert found.columns == {"name": 1, "tenure_years": 2, "unit_tenure_years": 3, "phone": 4, "email": 5}


def test_a_header_spelt_right_wins_over_a_misspelt_one(words):
    found = find_header(sheet(["Nama", "Jabatan", "Jabatann"]), words)
    assert found.columns["position"] == 1
    assert not found.problems
    assert found.unused == (2,)


@pytest.mark.parametrize("labels", [["Nama", "OPD", "Unit Kerja"], ["Nama", "Unit Kerja", "Unit Kerja"]])
def test_two_columns_for_one_field_are_an_error_that_names_both(words, labels):
    (problem,) = find_header(sheet(labels), words).problems
    assert problem.column == f"B ({labels[1]!r}) and C ({labels[2]!r})"
    assert problem.expected == "one column for unit"


def test_item_codes_are_never_guessed(response_words):
    words = HeaderWords(response_words.fields, response_words.header, {"int_tra_1": ("q1",), "int_tra_2": ()})
    found = find_header(sheet(["Token", "INT_TRA_1", "int_tra_3"]), words)
    assert set(found.columns) == {"token", "int_tra_1"}, "int_tra_3 is near int_tra_2, but another question"


def test_all_missing_columns_are_told_at_once_with_the_nearest(words, frame_words):
    data = sheet(["No", "Nama", "JK", "Jabatan di kantor", "Satuan"])
    (problem,) = missing_columns(data, find_header(data, words), frame_words.required["internal"], words)
    for expected in ("unit (such as", "position or echelon (such as", "whatsapp or phone or email (such as"):
        assert expected in problem.expected
    assert "position: nearest is column D" in problem.hint
    assert problem.got == "columns No, Nama, JK, D (••••), E (••••)", "what is not known may be a person's name"


def test_a_sheet_without_a_header(words):
    assert find_header(sheet(["Petunjuk pengisian"], ["Isi semua kolom."], [1, 2, 3]), words) is None
