import pytest
from hypothesis import given
from hypothesis import strategies as st

from spi_analysis.tables.cells.unit_names import Merge, one_spelling

SIMILARITY = 0.88


def read_as(names, rules, place="kota mojokerto"):
    return one_spelling(names, rules, SIMILARITY, place).canonical


@pytest.mark.parametrize(
    "spelling",
    [
        "DINAS KESEHATAN",
        "Dinas  Kesehatan",
        "Din. Kesehatan",
        "Dinkes",
        "Dinas Kesehatan Kota Mojokerto",
        "Dinas Keshatan",
        "Dinas Kesahatan",
        "Dinas Kesehtaan",
        "DinasKesehatan",
    ],
)
def test_spellings_of_one_unit(spelling, frame_words):
    names = ["Dinas Kesehatan"] * 3 + [spelling]
    assert read_as(names, frame_words.units)[spelling] == "Dinas Kesehatan"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Dinas Pendidikan & Kebudayaan", "Dinas Pendidikan dan Kebudayaan"),
        ("Kec. Magersari", "Kecamatan Magersari"),
        ("Kel Blooto", "Kelurahan Blooto"),
        ("Satpol PP", "Satuan Polisi Pamong Praja"),
        ("SMPN 1", "SMP Negeri 1"),
        ("Pusk. Gedongan", "Puskesmas Gedongan"),
        ("RSUD Harapan", "Rumah Sakit Umum Daerah Harapan"),
    ],
)
def test_abbreviations_are_read_in_full(one, other, frame_words):
    found = read_as([one, other, other], frame_words.units)
    assert found[one] == found[other] == other, "the more frequent spelling is kept"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Puskesmas Gedongan", "Puskesmas Gedangan"),
        ("SMP Negeri 1", "SMP Negeri 2"),
        ("SMP Negeri I", "SMP Negeri II"),
        ("Bagian Umum A", "Bagian Umum B"),
        ("Kecamatan Kraksaan", "Puskesmas Kraksaan"),
        ("Kecamatan Padang Hilir", "Kecamatan Padang Hulu"),
        ("Dinas Pertanian", "Dinas Pertanahan"),
        ("Dinas Sosial", "Dinas Sosial dan Kesehatan"),
        ("Kecamatan Utara", "Kecamatan Utama"),
        ("UPT 11", "UPT 1 1"),
    ],
)
@pytest.mark.parametrize("rows", [(1, 1), (1, 200)])
def test_units_that_differ_in_more_than_a_slip_stay_apart(one, other, rows, frame_words):
    found = read_as([one] * rows[0] + [other] * rows[1], frame_words.units)
    assert found[one] != found[other]


@pytest.mark.parametrize("slip", ["Dinas Kesehatn", "Dinas Kesahatan", "Dnas Kesehatan", "DinasKesehatan"])
@pytest.mark.parametrize("rows", [9, 200])
def test_a_spelling_of_known_words_wins_however_often_the_slip_was_copied(slip, rows, frame_words):
    """Six rows are right, and the slip stands in more: the mayor's page must not name a unit that does not exist."""
    names = ["Dinas Kesehatan"] * 3 + ["DINAS KESEHATAN"] * 3 + [slip] * rows
    assert set(read_as(names, frame_words.units).values()) == {"DINAS KESEHATAN"}


def test_beside_a_place_the_known_word_wins_too(frame_words):
    names = ["Puskesmas Gedongan"] * 2 + ["Puskesms Gedongan"] * 5
    assert set(read_as(names, frame_words.units).values()) == {"Puskesmas Gedongan"}


def test_a_frequent_place_that_is_like_a_common_word_keeps_its_name(frame_words):
    names = ["Kelurahan Pasir"] * 40 + ["Kelurahan Pasar"]
    assert read_as(names, frame_words.units)["Kelurahan Pasir"] == "Kelurahan Pasir"


def test_a_rare_slip_in_a_place_is_merged_and_a_frequent_one_is_not(frame_words):
    assert (
        read_as(["Puskesmas Gedongn"] + ["Puskesmas Gedongan"] * 20, frame_words.units)["Puskesmas Gedongn"]
        == "Puskesmas Gedongan"
    ), "one row beside twenty, a letter dropped"
    both = ["Puskesmas Gedongn"] * 10 + ["Puskesmas Gedongan"] * 20
    assert read_as(both, frame_words.units)["Puskesmas Gedongn"] == "Puskesmas Gedongn", (
        "ten rows are a unit of their own"
    )


def test_a_slip_that_fits_two_units_is_left_apart(frame_words):
    names = ["Puskesmas Gedongan"] * 30 + ["Puskesmas Gedangan"] * 30 + ["Puskesmas Gedngan"]
    found = one_spelling(names, frame_words.units, SIMILARITY)
    assert found.canonical["Puskesmas Gedngan"] == "Puskesmas Gedngan"
    assert ("Puskesmas Gedngan", "Puskesmas Gedongan") in found.doubtful
    assert ("Puskesmas Gedongan", "Puskesmas Gedangan") in found.doubtful, "said to the institution, which knows"


def test_of_equally_frequent_spellings_the_first_by_alphabet_is_kept(frame_words):
    assert set(read_as(["dinas sosial", "Dinas Sosial"], frame_words.units).values()) == {"Dinas Sosial"}


def test_merges_are_told_unless_only_case_or_points_differ(frame_words):
    found = one_spelling(["Dinas Sosial", "Dinas Sosial", "DINAS SOSIAL", "Dinsos"], frame_words.units, SIMILARITY)
    assert found.merges == [Merge("Dinsos", "Dinas Sosial", 1)]


@given(st.data())
def test_the_order_of_the_rows_does_not_matter(frame_words, data):
    names = ["Dinas Sosial", "Dinsos", "Dinas Sosail", "Puskesmas Gedongan", "Puskesmas Gedangan"]
    listed = data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=30))
    mixed = data.draw(st.permutations(listed))
    assert read_as(listed, frame_words.units) == read_as(mixed, frame_words.units)
