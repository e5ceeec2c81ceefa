import re

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from spi_analysis.tables.identity import is_identity, link_tokens, person_ids

SECRET = b"s" * 32
NIP = "198503152010011001"


def people(*rows):
    return pd.DataFrame(rows, columns=["employee_number", "phone", "email"])


def test_the_number_goes_before_the_phone_and_the_phone_before_the_mail():
    ids = person_ids(
        people(
            (NIP, "+628120000001", "a@x.id"),
            (NIP, None, "b@x.id"),
            (None, "+628120000001", "a@x.id"),
            (None, "+628120000001", None),
            (None, None, "a@x.id"),
            (None, None, None),
        ),
        SECRET,
    )
    assert ids[0] == ids[1], "the same employee number"
    assert ids[2] == ids[3], "the same phone"
    assert ids[0] != ids[2] != ids[4], "each known by something else"
    assert ids[5] is None
    assert all(re.fullmatch("[0-9a-f]{24}", code) for code in ids[:5])


def test_a_number_is_never_taken_for_a_phone():
    ids = person_ids(people(("6281200000012", None, None), (None, "6281200000012", None)), SECRET)
    assert ids[0] != ids[1]


def test_numbers_that_identify_nobody_are_passed_over():
    assert is_identity(NIP)
    assert is_identity("31960673"), "a soldier's or police officer's number"
    for number in ("001", "THL2019", "00000000", "", None, float("nan")):
        assert not is_identity(number), f"{number!r} is no one's own"


def test_another_secret_gives_other_ids():
    table = people((NIP, None, None))
    assert person_ids(table, SECRET)[0] != person_ids(table, b"t" * 32)[0]


@given(st.permutations(range(6)))
def test_ids_do_not_depend_on_the_order_of_the_rows(order):
    table = people(*((f"19850315201001100{i}", None, None) for i in range(6)))
    mixed = table.iloc[order]
    assert person_ids(mixed, SECRET).sort_index().equals(person_ids(table, SECRET))


def test_tokens_are_good_for_one_round_institution_and_source():
    def tokens(*place):
        return link_tokens(["p1", "p2"], *place, SECRET)

    here = tokens("spi_2024", "kota-mojokerto", "internal")
    assert here == tokens("spi_2024", "kota-mojokerto", "internal")
    others = [
        tokens("spi_2025", "kota-mojokerto", "internal"),
        tokens("spi_2024", "kota-bengkulu", "internal"),
        tokens("spi_2024", "kota-mojokerto", "external"),
    ]
    assert len({*here, *others[0], *others[1], *others[2]}) == 8, "two people in four places"
    assert all(re.fullmatch("[a-z2-7]{20}", token) for token in here), "survives spreadsheets and telephones"
