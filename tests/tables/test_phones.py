import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spi_analysis.tables.cells.contacts import read_phones

SAME = "+6281234567890"


@pytest.mark.parametrize(
    "cell",
    [
        "+62 812-3456-7890",
        "6281234567890",
        "62 0812 3456 7890",
        "0062 812 3456 7890",
        "081234567890",
        "0812 3456 7890",
        "0812.3456.7890",
        "(0812) 3456-7890",
        "81234567890",
        81234567890,
        81234567890.0,
        "81234567890.0",
        "8.1234567890E+10",
        "'081234567890",
        "\u200e081234567890\u00a0",
        "O812-3456-789O",
        "08l234567890",
        "HP: 0812 3456 7890",
        "081234567890 (WA)",
        "No. 0812-3456-7890",
    ],
)
def test_every_way_of_typing_is_the_same_number(cell, frame_words):
    assert read_phones(cell, frame_words.phones).values == (SAME,), f"{cell!r} is typed by people for 0812-3456-7890"


@pytest.mark.parametrize(
    "cell",
    [
        "081234567890 / 081345678901",
        "081234567890, 081345678901",
        "081234567890; +62 813-4567-8901",
        "0812 3456 7890 atau 0813 4567 8901",
        "081234567890 081345678901",
    ],
)
def test_two_numbers_in_one_cell_are_both_read(cell, frame_words):
    assert read_phones(cell, frame_words.phones).values == (SAME, "+6281345678901")


def test_a_bad_number_before_a_good_one_does_no_harm(frame_words):
    found = read_phones("0343-421234 / 081234567890", frame_words.phones)
    assert found == ((SAME,), ""), "the office telephone is passed over, the mobile number is kept"


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        ("-", "phone_not_a_number"),
        ("tidak ada", "phone_not_a_number"),
        ("081234", "phone_too_short"),
        ("0812345678901234", "phone_too_long"),
        ("198503152010011001", "phone_too_long"),
        ("(0321) 322123", "phone_not_mobile"),
        ("021-5551234", "phone_not_mobile"),
        ("0628 123456", "phone_not_mobile"),
        ("0800 1234567", "phone_not_mobile"),
        ("+60 12-345 6789", "phone_foreign"),
        ("8,12346E+11", "phone_rounded"),
        ("8.12346E+11", "phone_rounded"),
        (812346000000.0, "phone_rounded"),
    ],
)
def test_what_cannot_be_used_says_why(cell, problem, frame_words):
    assert read_phones(cell, frame_words.phones) == ((), problem)


@pytest.mark.parametrize(("digits", "usable"), [(8, False), (9, True), (12, True), (13, False)])
def test_the_length_of_a_mobile_number(digits, usable, frame_words):
    number = "0812345678912345"[: digits + 1]
    found = bool(read_phones(number, frame_words.phones).values)
    assert found == usable, "mobile numbers have 9 to 12 digits after the 0, by the national numbering plan"


def test_a_number_that_the_numbering_plan_does_not_have_is_none(frame_words):
    """084 is nobody's in the national numbering plan; phonenumbers.is_valid_number says so of all of these."""
    for cell in ("0841 2345 6789", "+62 841 234 567 89"):
        assert read_phones(cell, frame_words.phones) == ((), "phone_not_mobile")
    for digits in ("811234567", "8123456789", "81234567890", "812345678901", "8412345678", "84123456789"):
        known = phonenumbers.is_valid_number(phonenumbers.parse(f"+62{digits}"))
        assert bool(read_phones(f"0{digits}", frame_words.phones).values) == known, digits


@given(st.text(alphabet="0123456789+-. ()/,oO", max_size=30))
def test_reading_what_was_read_changes_nothing(frame_words, text):
    for value in read_phones(text, frame_words.phones).values:
        assert read_phones(value, frame_words.phones).values == (value,)
        assert value.startswith("+628")


@pytest.mark.parametrize(
    "cell",
    [
        "0812345678/79",
        "0811234567/8",
        "081234567890 (2)",
        "081234567890(02)",
        "08123456789 ext 12",
        "08123456789 x12",
        "0812-3456-789 1",
        "0812-3456-7890-2",
        "0812.3456.78 no.2",
        "081234567890, 2",
        "081234567890 #2",
        "081234567890 12",
        "0812/3456/7890",
        "081234567890 lt. 2",
    ],
)
def test_further_digits_beside_a_number_are_never_squeezed_into_it(cell, frame_words):
    rationale = "whether they belong to it nobody can know, and the link would open a stranger's questionnaire"
    assert read_phones(cell, frame_words.phones) == ((), "phone_doubtful"), rationale


@pytest.mark.parametrize("cell", ["0812 345 678 90", "0812-345-678-90", "0 8 1 2 3 4 5 6 7 8 9 0", "81,234,567,890"])
def test_digits_divided_off_alike_are_one_number(cell, frame_words):
    assert read_phones(cell, frame_words.phones).values == (SAME,)


@pytest.mark.parametrize(
    ("cell", "values", "problem"),
    [
        ("0812345678 / 0857123456", ("+62812345678", "+62857123456"), ""),
        ("081234567890 istri 081345678901", (SAME, "+6281345678901"), ""),
        ("HP 1: 081234567890 HP 2: 081345678901", (SAME, "+6281345678901"), ""),
        ("081234567890 (2) / 081345678901", ("+6281345678901",), "phone_part_unused"),
        ("081234567890 081345678901 (2)", (SAME,), "phone_part_unused"),
        ("081234567890 / 08134567890123456", (SAME,), "phone_part_unused"),
        ("0321-322123 psw 12 / 081234567890", (SAME,), ""),
        ("(0321) 322123 ext 4", (), "phone_not_mobile"),
    ],
)
def test_two_numbers_are_two(cell, values, problem, frame_words):
    assert read_phones(cell, frame_words.phones) == (values, problem)


@given(
    st.from_regex(r"\A08[1-9][0-9]{7,10}\Z"),
    st.text(alphabet="/;,|&#*:xt", min_size=1, max_size=4),
    st.from_regex(r"\A[0-9]{1,4}\Z"),
)
def test_no_number_is_made_of_two_pieces(frame_words, number, between, rest):
    found = read_phones(f"{number}{between}{rest}", frame_words.phones).values
    assert set(found) <= {f"+62{number[1:]}"}, "only known separators join digits"
