"""Most cells take a shorter way: it must lead to the same text, number, address and issues."""

import re
import unicodedata

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from spi_analysis.params.mapping import normalised
from spi_analysis.tables.cells import contacts as cells
from spi_analysis.tables.cells.text import bare_number, is_nothing, read_employee_number, text_of
from spi_analysis.tables.importing.listing import also_listed
from spi_analysis.tables.importing.people import _emptied

ASCII = st.text(st.characters(max_codepoint=127))


@given(ASCII)
@example("\x1c\x1f a\x0b\x0cb \t'' `x")
@example("A_b--C\x00d  9")
def test_the_short_way_is_the_long_way(text):
    visible = "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
    assert text_of(text) == re.sub(r"\s+", " ", visible).strip().lstrip("'`´’").strip()
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    assert normalised(text) == re.sub(r"[\W_]+", " ", bare.casefold()).strip()


def test_other_letters_still_take_the_long_way():
    assert text_of("Ｄinas\u200b  Sosial\u00a0") == "Dinas Sosial"
    assert normalised("Kesehatán & Gizi") == "kesehatan gizi"


GROUPS = st.lists(st.text("0123456789", min_size=1, max_size=12), min_size=1, max_size=5)


@given(st.sampled_from(["", "+", "+62", "62", "0"]), GROUPS, st.sampled_from([" ", ".", "-"]))
@example("", ["0857", "7769", "3792"], "-")
@example("", ["0812345678", "0812345678"], " ")
@example("", ["081234567890", "12"], "-")
@example("+", ["62", "81234567890"], " ")
def test_a_plain_number_is_read_as_if_it_were_taken_apart(begin, groups, between):
    text = begin + between.join(groups)
    number = cells._number("ID", "8", 5)
    if not number.is_plain(text):
        return
    readings = [
        reading for piece in cells._BETWEEN.split(cells._prepared(text)) for reading in number.read_piece(piece)
    ]
    assert cells._contacts([number.read(text)]) == cells._contacts(readings)


@pytest.mark.parametrize(
    "text", ["081234567890", "0857-7769-3792", "0897.6830.2310", "+62 895-3704-1540", "6289532789524"]
)
def test_numbers_as_most_lists_write_them_are_plain(text):
    assert cells._number("ID", "8", 5).is_plain(text)


@pytest.mark.parametrize(
    "text", ["0812345678 0812345679", "081234567890-12", "0812345678/79", "0812-3456-789 1", "1234"]
)
def test_a_number_that_may_be_two_or_hold_too_much_is_not_plain(text):
    assert not cells._number("ID", "8", 5).is_plain(text)


@given(st.from_regex(cells._ADDRESS, fullmatch=True))
@example("budi@contoh.com.id")
@example("com@com.co.id")
def test_a_whole_address_is_read_as_one_that_has_to_be_mended(address):
    assert cells.read_emails(address) == cells.read_emails(f"mailto:{address}")


@given(st.text("0123456789", min_size=1, max_size=22))
@example("196501282023021000")
@example("1965012820230210" + "00")
def test_a_bare_employee_number_is_read_as_a_labelled_one(number):
    assert read_employee_number(number) == read_employee_number(f"NIP {number}")
    assert bare_number(number) == bare_number(f"NIP {number}")


@given(
    st.lists(st.one_of(st.none(), st.integers(), ASCII, st.sampled_from(["tidak ada", "Tidak-Ada", "-", "  ", "n/a"])))
)
def test_empty_cells_are_those_that_say_nothing(found):
    nothing = frozenset(normalised(word) for word in ("tidak ada", "n/a", "-", "nihil"))
    expected = [None if is_nothing(cell, nothing) else cell for cell in found]
    assert _emptied(found, nothing) == expected


def test_who_is_listed_in_other_sources_is_found_by_number_phone_and_address():
    nobody = dict.fromkeys(("employee_number", "phone", "phone_2", "email", "email_2"))
    people = [
        nobody | {"source": "internal", "employee_number": "198001012005011001", "phone": "+6281"},
        nobody | {"source": "internal", "employee_number": "001"},
        nobody | {"source": "internal", "email": "a@contoh.id"},
        nobody | {"source": "external", "phone_2": "+6281"},
        nobody | {"source": "external", "employee_number": "001", "phone": "+6282", "phone_2": "+6282"},
        nobody | {"source": "expert", "employee_number": "198001012005011001"},
        nobody | {"source": "expert", "email_2": "a@contoh.id"},
    ]
    found = also_listed(pd.DataFrame(people, dtype=object), ["internal", "external", "expert"])
    # "001" is somebody else at the next office, and two numbers of one person are one list.
    assert found.tolist() == ["external expert", None, "expert", "internal", None, "internal", "internal"]
