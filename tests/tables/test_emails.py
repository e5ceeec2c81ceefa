import pytest
from hypothesis import given
from hypothesis import strategies as st

from spi_analysis.tables.cells.contacts import read_emails


@pytest.mark.parametrize(
    "cell",
    [
        "budi@contoh.com",
        " Budi@Contoh.COM ",
        "budi@contoh.com.",
        "budi@contoh,com",
        "budi@contoh com",
        "budi @contoh.com",
        "budi@ contoh. com",
        "budi@@contoh.com",
        "budi(at)contoh.com",
        "Email: budi@contoh.com",
        "mailto:budi@contoh.com",
        "Budi Santoso <budi@contoh.com>",
        "<budi@contoh.com>",
        "budi@contoh.com (kantor)",
    ],
)
def test_every_way_of_typing_is_the_same_address(cell):
    assert read_emails(cell).values == ("budi@contoh.com",)


@pytest.mark.parametrize("cell", ["a@x.com; b@y.go.id", "a@x.com/b@y.go.id", "a@x,com, b@y.go,id", "a@x.com b@y.go.id"])
def test_two_addresses_in_one_cell_are_both_read(cell):
    assert read_emails(cell).values == ("a@x.com", "b@y.go.id")


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        ("budi.contoh.com", "email_no_at"),
        ("tidak ada", "email_no_at"),
        ("budi@contoh", "email_invalid"),
        ("@contoh.com", "email_invalid"),
        ("budi@.com", "email_invalid"),
        ("budi..s@contoh.com", "email_invalid"),
    ],
)
def test_what_cannot_be_used_says_why(cell, problem):
    assert read_emails(cell) == ((), problem)


@pytest.mark.parametrize("cell", ["budi santoso@contoh.com", "budi,santoso@contoh.com"])
def test_a_gap_before_the_at_is_never_guessed(cell):
    rationale = "what stood there is unknown; santoso@contoh.com may be somebody else"
    assert read_emails(cell) == ((), "email_invalid"), rationale


@pytest.mark.parametrize(
    ("cell", "values", "problem"),
    [
        ("budi@contoh.com. Terima kasih", ("budi@contoh.com",), ""),
        ("budi@contoh.com, id saya", ("budi@contoh.com",), ""),
        ("a@x.com or b@y.com", ("a@x.com", "b@y.com"), ""),
        ("Ir. budi@contoh.com", (), "email_invalid"),
        ("budi. santoso@contoh.com", (), "email_invalid"),
        ("budi santoso@x.com; siti@y.com", ("siti@y.com",), "email_part_unused"),
        ("a@x.com, kantor b@y.com", ("a@x.com",), "email_part_unused"),
        ("Budi <budi@x.com>; Siti <siti@y.com>", ("budi@x.com", "siti@y.com"), ""),
        ("budi@x.com (kantor) / budi@y.com (pribadi)", ("budi@x.com", "budi@y.com"), ""),
        ("a&b@x.com", (), "email_invalid"),
        ("dinas/bidang@x.com", (), "email_invalid"),
        ("dinas; bidang@x.com", (), "email_invalid"),
        ("budi@dinas.kota go id", ("budi@dinas.kota.go.id",), ""),
        ("budi@contoh . co . id", ("budi@contoh.co.id",), ""),
    ],
)
def test_no_address_is_made_of_words_around_it(cell, values, problem):
    rationale = "ir.budi@ and contoh.com.terima are addresses that nobody wrote"
    assert read_emails(cell) == (values, problem), rationale


@given(st.text(alphabet="abc.@, ;/-_", max_size=30))
def test_reading_what_was_read_changes_nothing(text):
    for value in read_emails(text).values:
        assert read_emails(value).values == (value,)
