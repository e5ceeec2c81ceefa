"""The draw record, and the check that repeats the draw."""

import hashlib
import hmac
import json
from itertools import combinations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spi_analysis.errors import SamplingError
from spi_analysis.sampling import (
    commitment,
    draw_record,
    permanent_random_numbers,
    select_srs,
    shift_of,
    shifted,
    verify_draw,
)

SECRET = b"sixteen bytes at least"
FRAME = pd.DataFrame(
    {
        "person_id": [f"p{i}" for i in range(12)],
        "stratum": ["north"] * 7 + ["south"] * 5,
        "sex": ["f", "m", None] * 4,
        "years": [1.0, 2.5, None] * 4,
    }
)


def drawn(frame: pd.DataFrame) -> pd.DataFrame:
    numbers = shifted(permanent_random_numbers(frame["person_id"], SECRET), shift_of("4711"))
    return select_srs(frame.assign(prn=numbers), 2, "stratum")


def record_of(frame: pd.DataFrame) -> dict:
    made = draw_record(frame, drawn(frame), {"secret": SECRET, "public_value": "4711", "context": {"round": "r"}})
    return json.loads(json.dumps(made))


@pytest.fixture
def record() -> dict:
    return record_of(FRAME)


def whats(differences: list) -> list[tuple[str, str]]:
    return [(d.stratum, d.what) for d in differences]


def test_same_frame_and_secret_give_the_same_draw(record: dict) -> None:
    assert verify_draw(record, FRAME, SECRET, FRAME) == []


def test_record_holds_counts_and_digests_but_no_person(record: dict) -> None:
    text = json.dumps(record)
    assert not any(f'"{person}"' in text for person in FRAME["person_id"])
    assert SECRET.decode() not in text
    assert [(e["stratum"], e["pop_size"], e["sample_size"]) for e in record["strata"]] == [
        ("north", 7, 2),
        ("south", 5, 2),
    ]
    assert record["secret_commitment"] == commitment(SECRET)


def test_digest_of_one_person_by_hand() -> None:
    frame = pd.DataFrame({"person_id": ["p"], "stratum": ["s"], "age": [None]})
    row = hashlib.sha256(b"\x00\x1fp\x1fs").hexdigest()  # columns in the order of their names: age, person_id, stratum
    entry = draw_record(frame, frame, {"secret": SECRET, "public_value": "1"})["strata"][0]
    assert entry["frame_digest"] == hashlib.sha256(row.encode()).hexdigest()
    sealed = b"digest of a drawn sample, version 2\x00s\x00" + entry["frame_digest"].encode()
    assert entry["sample_digest"] == hmac.new(SECRET, sealed, "sha256").hexdigest(), (
        "all are drawn: the same rows, keyed"
    )


def test_samples_of_a_small_stratum_cannot_be_found_by_trying(record: dict) -> None:
    """Who holds the frame could otherwise compare all 21 pairs of the north with the digest."""
    people = FRAME[FRAME["stratum"] == "north"]
    guesses = [people.loc[list(pair)] for pair in combinations(people.index, 2)]
    rest = FRAME[FRAME["stratum"] == "south"].head(2)
    for guess in guesses:
        tried = draw_record(
            FRAME, pd.concat([guess, rest]), {"secret": b"a secret made up by the guesser", "public_value": "4711"}
        )
        assert tried["strata"][0]["sample_digest"] != record["strata"][0]["sample_digest"]


def test_a_record_of_another_version_is_named(record: dict) -> None:
    record["record_version"] = 1
    assert whats(verify_draw(record, FRAME, SECRET)) == [("", "the record has another version")]


@given(order=st.permutations(range(12)), columns=st.permutations(list(FRAME.columns)))
def test_order_of_rows_and_columns_and_labels_changes_no_digest(order: list[int], columns: list[str]) -> None:
    mixed = FRAME.iloc[order][columns].set_axis([i % 3 for i in range(12)])
    assert record_of(mixed) == record_of(FRAME)


def test_numbered_strata_are_verified_too() -> None:
    numbered = FRAME.assign(stratum=FRAME["stratum"].map({"north": 1, "south": 2}))
    record = record_of(numbered)
    assert record["sample_size"] == 4
    assert verify_draw(record, numbered, SECRET) == []


def test_changed_row_is_named_with_its_stratum(record: dict) -> None:
    changed = FRAME.copy()
    changed.loc[9, "sex"] = "x"
    differences = verify_draw(record, changed, SECRET, FRAME)
    assert {d.stratum for d in differences} == {"south"}, "the other stratum is untouched"
    assert {d.rows for d in differences} == {("p9",)}
    assert "(rows: p9)" in str(differences[0])


def test_without_the_archived_frame_only_the_stratum_is_known(record: dict) -> None:
    changed = FRAME.assign(years=FRAME["years"].mask(FRAME["person_id"] == "p0", 9.0))
    (difference, *_) = verify_draw(record, changed, SECRET)
    assert (difference.stratum, difference.rows) == ("north", ())


def test_person_added_later_is_found(record: dict) -> None:
    late = pd.concat([FRAME, FRAME.tail(1).assign(person_id="late")], ignore_index=True)
    differences = verify_draw(record, late, SECRET, FRAME)
    assert ("", "the frame has another size") in whats(differences)
    assert ("south", "another number of people") in whats(differences)
    assert {d.rows for d in differences if d.stratum} == {("late",)}


def test_person_moved_between_strata_is_in_both(record: dict) -> None:
    moved = FRAME.assign(stratum=FRAME["stratum"].mask(FRAME["person_id"] == "p0", "south"))
    differences = verify_draw(record, moved, SECRET, FRAME)
    assert {d.stratum for d in differences} == {"north", "south"}
    assert all("p0" in d.rows for d in differences)


def test_another_secret_is_found_by_the_commitment(record: dict) -> None:
    found = whats(verify_draw(record, FRAME, b"another secret, long"))
    assert ("", "the secret is not the committed one") in found
    assert any(what.startswith("the drawn people") for _, what in found)


def test_a_shift_that_was_ground_is_found(record: dict) -> None:
    record["shift"] = 0.123
    assert ("", "the shift does not follow from the public value") in whats(verify_draw(record, FRAME, None))


def test_a_swapped_sample_is_found(record: dict) -> None:
    others = FRAME[~FRAME["person_id"].isin(drawn(FRAME)["person_id"])].groupby("stratum").head(2)
    forged = draw_record(FRAME, others, {"secret": SECRET, "public_value": "4711"})
    assert whats(verify_draw(forged, FRAME, SECRET)) == [
        ("north", "the drawn people or their data are not the recorded ones"),
        ("south", "the drawn people or their data are not the recorded ones"),
    ]
    assert verify_draw(forged, FRAME, None) == [], "without the secret nobody can tell who should have been drawn"


def test_counts_that_do_not_add_up_are_found(record: dict) -> None:
    record["strata"][0]["sample_size"] = 3
    assert ("", "the strata do not add up to the sample") in whats(verify_draw(record, FRAME, None))


def test_missing_column_and_stratum_are_said(record: dict) -> None:
    assert whats(verify_draw(record, FRAME.drop(columns="sex"), SECRET)) == [
        ("", "the frame lacks columns that were recorded")
    ]
    assert ("south", "the stratum is not in the frame") in whats(verify_draw(record, FRAME.head(7), SECRET))


def test_columns_added_after_the_draw_do_not_matter(record: dict) -> None:
    assert verify_draw(record, FRAME.assign(note="x"), SECRET) == []


@pytest.mark.parametrize(
    ("params", "parts"),
    [
        ({"secret": SECRET}, ["do not fit", "no public_value"]),
        ({"secret": SECRET, "public_value": "1", "publik_value_date": ""}, ["did you mean 'public_value_date'?"]),
    ],
)
def test_parameters_are_checked(params: dict, parts: list[str]) -> None:
    with pytest.raises(SamplingError) as caught:
        draw_record(FRAME, FRAME.head(1), params)
    assert all(part in str(caught.value) for part in parts)


@pytest.mark.parametrize(
    ("frame", "sample", "what"),
    [
        (pd.concat([FRAME, FRAME.head(1)]), FRAME.head(1), "a person is there twice"),
        (FRAME.assign(stratum=[None, *FRAME["stratum"][1:]]), FRAME.tail(1), "a person has no stratum"),
        (FRAME.head(3), FRAME.tail(1), "a drawn person is not in the frame"),
    ],
)
def test_a_record_that_could_not_be_verified_is_not_made(frame: pd.DataFrame, sample: pd.DataFrame, what: str) -> None:
    with pytest.raises(SamplingError, match=what):
        draw_record(frame, sample, {"secret": SECRET, "public_value": "1"})


def test_missing_is_not_the_same_as_empty(record: dict) -> None:
    assert verify_draw(record, FRAME.fillna({"sex": ""}), SECRET) != []
