import pytest
from hypothesis import given
from hypothesis import strategies as st

from spi_analysis.tables.cells.emails import read_emails


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


@given(st.text(alphabet="abc.@, ;/-_", max_size=30))
def test_reading_what_was_read_changes_nothing(text):
    for value in read_emails(text).values:
        assert read_emails(value).values == (value,)
