"""Small readers: text of a cell, names, positions, employee numbers, spellings, masks."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spi_analysis.params.mapping import codes_by_word, normalised
from spi_analysis.tables.cells.contacts import HIDDEN, mask_email, mask_number, mask_text, shown, without_contacts
from spi_analysis.tables.cells.text import (
    class_of_position,
    edit_distance,
    is_nothing,
    likeness,
    names_alike,
    read_employee_number,
    text_of,
)


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (None, ""),
        (float("nan"), ""),
        (5.0, "5"),
        (5.5, "5.5"),
        ("  a\u00a0 b\n", "a b"),
        ("'081", "081"),
        (True, "True"),
    ],
)
def test_text_of_a_cell(cell, text):
    assert text_of(cell) == text


@pytest.mark.parametrize("cell", [None, "", "-", "...", " – ", "tidak ada", "Tdk. Ada", "N/A", "#N/A", "nihil"])
def test_words_for_nothing(cell, frame_words):
    assert is_nothing(cell, frozenset(normalised(word) for word in frame_words.nothing))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Budi Santoso", "BUDI SANTOSO"),
        ("Drs. Budi Santoso, M.Si.", "Budi Santoso"),
        ("Hj. Siti Aminah", "Siti Aminah, S.Pd"),
        ("B. Santoso", "Budi Santoso"),
        ("Budi S", "Budi Santoso"),
        ("Siti", "Siti Aminah"),
        ("Budi Santosa", "Budi Santoso"),
        ("Muhammad Ali", "Muhamad Ali"),
        ("", "Budi Santoso"),
    ],
)
def test_names_that_may_be_one_person(one, other, frame_words):
    assert names_alike(one, other, frame_words.names)
    assert names_alike(other, one, frame_words.names)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Budi Santoso", "Siti Aminah"),
        ("Budi Santoso", "Budi Hartono"),
        ("Siti Aminah", "Siti Aminatun"),
        ("Ani", "Ana"),
    ],
)
def test_names_of_clearly_different_people(one, other, frame_words):
    assert not names_alike(one, other, frame_words.names)


@pytest.mark.parametrize(
    ("position", "expected"),
    [
        ("Kepala Dinas Kesehatan", "top_official"),
        ("Plt. Kepala Dinas", "top_official"),
        ("Camat Magersari", "top_official"),
        ("Sekretaris Camat", "structural"),
        ("Sekretaris Daerah", "top_official"),
        ("Kepala Bidang Anggaran", "structural"),
        ("Kasubbag Umum", "structural"),
        ("Staf Ahli Wali Kota", "structural"),
        ("Ajudan Wali Kota", "staff"),
        ("Guru Ahli Pertama", "functional"),
        ("Pengawas Sekolah", "functional"),
        ("Pengawas", "structural"),
        ("Analis Kebijakan Ahli Muda", "functional"),
        ("Analis Data", "staff"),
        ("Pengadministrasi Umum", "staff"),
        ("Tenaga Honorer", "non_asn"),
        ("non_asn", "non_asn"),
        ("Penjaga Gerbang", None),
    ],
)
def test_classes_of_positions(position, expected, frame_words):
    assert class_of_position(position, codes_by_word(frame_words.positions)) == expected


@pytest.mark.parametrize(
    ("cell", "number", "problem"),
    [
        ("198503152010011001", "198503152010011001", ""),
        ("19850315 201001 1 001", "198503152010011001", ""),
        ("NIP. 198503152010011001", "198503152010011001", ""),
        (198503152010011001, "198503152010011001", ""),
        (198503152010011000, None, "employee_number_rounded"),
        (1.98503152010011e17, None, "employee_number_rounded"),
        ("1,98503E+17", None, "employee_number_rounded"),
        ("1,98503152010011E+17", None, "employee_number_rounded"),
        ("THL 2019", "THL2019", ""),
        ("814.1/123/2020", "81411232020", ""),
        ("19850315.201001.1.001", "198503152010011001", ""),
        ("NIP/NRP: 198503152010011001", "198503152010011001", ""),
        ("198503152010011001 (pindahan)", "198503152010011001", ""),
        ("19850315 201001 1 001 Gol III/a", "198503152010011001", ""),
        ("198503152010011001 (2)", None, "employee_number_doubtful"),
        ("198503152010011001 / 198604202011012002", None, "employee_number_doubtful"),
        ("198503152010011001 NIK 3576010101850001", None, "employee_number_doubtful"),
        ("12345678 (2)", None, "employee_number_doubtful"),
        (None, None, ""),
    ],
)
def test_employee_numbers(cell, number, problem):
    assert read_employee_number(cell) == (number, problem), "a spreadsheet keeps 15 digits and a NIP has 18"


def test_edit_distance_counts_slips():
    assert edit_distance("jabatan", "jabatam") == 1, "one letter changed"
    assert edit_distance("jabatan", "jbatan") == 1, "one letter dropped"
    assert edit_distance("jabatan", "jabtaan") == 1, "two letters swapped"
    assert edit_distance("", "abc") == 3
    assert likeness("jabatan", "jabatam") == pytest.approx(6 / 7)


@given(st.text(max_size=8), st.text(max_size=8))
def test_distance_is_the_same_both_ways(one, other):
    assert edit_distance(one, other) == edit_distance(other, one)
    assert (edit_distance(one, other) == 0) == (one == other)


def test_masks_show_where_to_look_and_no_more():
    assert mask_number("0812-3456-7890") == "0812••••890"
    assert mask_number("0812") == "••••", "a short number would be shown whole"
    assert mask_email("budi.santoso@contoh.go.id") == "b••••@c••••.id"
    assert mask_email("budi santoso") == "••••"
    assert mask_text("hubungi 081234567890 atau budi@contoh.com") == "hubungi •••• atau ••••"
    assert mask_text("2018-13-45") == "2018-13-45", "a date is no contact"
    assert shown("name", "Budi Santoso") == ""


@given(st.from_regex(r"\A0?8[1-9][0-9]{7,11}\Z"))
def test_no_number_is_ever_shown_whole(number):
    shown_digits = [c for c in mask_number(number) if c.isdigit()]
    assert len(shown_digits) <= 7, "four at the beginning and three at the end"
    assert number not in mask_number(number)


def test_dates_are_texts_that_sort():
    assert text_of(dt.date(2018, 3, 1)) == "2018-03-01"


@pytest.mark.parametrize(
    "written", ["+62 (812) 3456-7890", "(812) 3456 7890", "0812/3456/7890", "0812 - 3456 - 7890", "0812–3456–7890"]
)
def test_a_number_is_masked_however_it_is_cut(written):
    assert mask_text(f"hubungi {written} segera") == f"hubungi {HIDDEN} segera"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Dinas Sosial", "Dinas Sosial"),
        ("Dinas Sosial 081234567890 Budi Contoh", "Dinas Sosial"),
        ("Dinas Sosial (Hub. 0812-3456-7890)", "Dinas Sosial"),
        ("Dinas Sosial, HP: +62 (812) 3456-7890", "Dinas Sosial"),
        ("budi@contoh.id / Dinas Sosial", "Dinas Sosial"),
        ("+62 (812) 3456-7890", ""),
        ("SDN 12 Gedongan, Jalan 3", "SDN 12 Gedongan, Jalan 3"),
    ],
)
def test_a_text_is_kept_without_the_contact_in_it(text, kept):
    assert without_contacts(text) == kept
    assert shown("unit", text) == (text if kept == text else f"{kept} {HIDDEN}".strip())


@pytest.mark.parametrize(
    ("field", "cell", "said"),
    [
        ("token", "ABCDEFGHIJ234567ABCD", f"abcd{HIDDEN}"),
        ("token", "https://contoh.id/?t=abcdefghij234567abcd", f"abcd{HIDDEN}"),
        ("token", "Budi Contoh", HIDDEN),
        ("token", "budi@contoh.id", HIDDEN),
        ("token", "081234567890", HIDDEN),
        ("at", "2024-08-01 10:15", "2024-08-01 10:15"),
        ("at", "31/02/2024", "31/02/2024"),
        ("at", "1 Agt 2024 pukul", HIDDEN),
        ("at", "2024-08-01 10:00 +25:00", "2024-08-01 10:00 +25:00"),
        ("at", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
        ("at", "2024-08-01 budi@contoh.id", HIDDEN),
        ("at", "Budi 08123456789", HIDDEN),
        ("completed_at", "081234567890", HIDDEN),
        ("started_at", "0812-3456-7890", HIDDEN),
    ],
)
def test_only_what_looks_like_a_token_or_a_time_is_shown(field, cell, said):
    assert shown(field, cell) == said
