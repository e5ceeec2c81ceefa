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
from spi_analysis.survey.sampling import (
    DrawDesign,
    commitment,
    draw_record,
    draw_sample,
    from_start,
    group_digests,
    permanent_random_numbers,
    select_srs,
    start_of,
    verify_draw,
)
from spi_analysis.survey.sampling.draw import row_digests

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
    numbers = from_start(permanent_random_numbers(frame["person_id"], SECRET), start_of("4711"))
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
    # Columns in the order of their names: age is missing, then one letter each.
    row = hashlib.sha256(b"-" + b"1:p" + b"1:s").hexdigest()
    entry = draw_record(frame, frame, {"secret": SECRET, "public_value": "1"})["strata"][0]
    assert entry["frame_digest"] == hashlib.sha256(row.encode()).hexdigest()
    sealed = b"digest of a drawn sample, version 3\x001\x00s\x00" + entry["frame_digest"].encode()
    assert entry["waves"][0]["digest"] == hmac.new(SECRET, sealed, "sha256").hexdigest(), (
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
        assert tried["strata"][0]["waves"] != record["strata"][0]["waves"]


@pytest.mark.parametrize("version", [1, 2, None, "3"])
def test_a_record_of_another_version_is_named_and_nothing_else(record: dict, version: object) -> None:
    record["record_version"] = version
    (difference,) = verify_draw(record, FRAME, SECRET)
    assert difference.what.startswith("the record has another version")
    assert "release of the program" in difference.what, "says what to do"


@pytest.mark.parametrize(
    ("before", "after", "rationale"),
    [
        (("ab", "c"), ("a", "bc"), "a letter moved to the next column"),
        (("a\x1f", "b"), ("a", "\x1fb"), "the old separator moved"),
        (("a", "1:b"), ("a1:b", ""), "what looks like a length moved"),
        (("", "a"), ("a", ""), "the whole text moved"),
        ((None, "a"), ("", "a"), "missing is not empty"),
        ((None, "a"), ("-", "a"), "the mark of what is missing, written as text"),
        (("a", None), (None, "a"), "a gap moved"),
    ],
)
def test_text_moved_between_columns_is_found(before: tuple, after: tuple, rationale: str) -> None:
    columns = ["service", "unit"]
    then, now = (FRAME.assign(**dict(zip(columns, part, strict=True))) for part in (before, after))
    found = verify_draw(record_of(then), now, None, then)
    assert {d.what for d in found} == {"the people or their data have changed"}, rationale
    assert all(len(d.rows) == d.stratum.count("north") * 7 + d.stratum.count("south") * 5 for d in found)


words = st.text(alphabet="a:1-\x1f\x00", max_size=4) | st.none()


@given(st.lists(words, min_size=2, max_size=3), st.lists(words, min_size=2, max_size=3))
def test_rows_read_alike_only_if_they_are_alike(first: list, second: list) -> None:
    """Row digests are injective: over an alphabet of everything that the encoding itself uses."""
    names = ["c1", "c2", "c3"][: min(len(first), len(second))]
    tables = [pd.DataFrame([row[: len(names)]], columns=names, dtype=object) for row in (first, second)]
    same = first[: len(names)] == second[: len(names)]
    assert (row_digests(tables[0], names)[0] == row_digests(tables[1], names)[0]) is same


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
    assert ("", "the start does not follow from the public value") in whats(verify_draw(record, FRAME, None))


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


LARGE = pd.DataFrame(
    {
        "person_id": [f"p{i}" for i in range(120)],
        "stratum": ["north"] * 70 + ["south"] * 50,
        "unit": [f"u{i % 11}" for i in range(120)],
        "age": [20 + i % 40 for i in range(120)],
    }
)
SIZES = {"north": [8, 3, 2], "south": [6, 2, 2]}
DESIGNS = {
    "srs": DrawDesign("4711", SIZES, scope="toy"),
    "systematic": DrawDesign("4711", SIZES, {"name": "systematic", "order": ["unit", "age"]}, scope="toy"),
    "two stages": DrawDesign(
        "4711",
        method={
            "name": "two_stage", "unit": "unit", "units": {"north": 4, "south": 3}, "people": 3,
            "wave_shares": [1, 0.5],
        },
        scope="toy",
    ),
}  # fmt: skip


def designed(design: DrawDesign, frame: pd.DataFrame = LARGE) -> dict:
    sample = draw_sample(frame, design, SECRET)
    params = {"secret": SECRET, "public_value": "4711", "method": design.method, "scope": design.scope}
    return json.loads(json.dumps(draw_record(frame, sample, params)))


@pytest.mark.parametrize("design", DESIGNS.values(), ids=DESIGNS)
def test_every_method_is_repeated_from_its_record(design: DrawDesign) -> None:
    record = designed(design)
    assert verify_draw(record, LARGE, SECRET, LARGE) == []
    assert verify_draw(record, LARGE, None) == []
    mixed = LARGE.sample(frac=1, random_state=4).reset_index(drop=True)
    assert designed(design, mixed) == record, "the order of rows changes nobody's fate"


@pytest.mark.parametrize("design", DESIGNS.values(), ids=DESIGNS)
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("scope", "another"),
        ("public_value", "4712"),
        ("public_value_name", "another name"),
        ("public_value_date", "2020-01-01"),
        ("turn", 0.25),
        ("context", {"round": "another"}),
        ("method", {"name": "srs"}),
        ("digest_columns", ["age", "person_id", "stratum"]),
    ],
)
def test_any_parameter_that_was_changed_in_the_record_is_found(design: DrawDesign, key: str, value: object) -> None:
    record = designed(design)
    record[key] = value if key != "method" or design.method["name"] != "srs" else {"name": "systematic", "order": []}
    assert verify_draw(record, LARGE, SECRET) != []


@pytest.mark.parametrize("design", DESIGNS.values(), ids=DESIGNS)
def test_somebody_moved_to_another_wave_is_found(design: DrawDesign) -> None:
    sample = draw_sample(LARGE, design, SECRET)
    first, last = (sample.index[sample["wave"] == wave][0] for wave in (1, 2))
    forged = sample.assign(wave=sample["wave"].where(~sample.index.isin([first, last]), 3 - sample["wave"]))
    params = {"secret": SECRET, "public_value": "4711", "method": design.method, "scope": design.scope}
    found = verify_draw(json.loads(json.dumps(draw_record(LARGE, forged, params))), LARGE, SECRET)
    assert any("(wave 1)" in d.what for d in found)
    assert any("(wave 2)" in d.what for d in found)


def test_sizes_of_waves_changed_in_the_record_are_found() -> None:
    record = designed(DESIGNS["srs"])
    record["strata"][0]["waves"][0]["size"] += 1
    record["strata"][0]["waves"][1]["size"] -= 1
    found = {d.what for d in verify_draw(record, LARGE, SECRET)}
    assert "the record is not the one that was sealed at the draw" in found
    assert any("(wave 1)" in what for what in found)


def test_a_draw_that_cannot_be_repeated_is_said_not_raised() -> None:
    record = designed(DESIGNS["two stages"])
    record["method"]["units"] = {"north": 400, "south": 3}
    found = [d.what for d in verify_draw(record, LARGE, SECRET)]
    assert any(what.startswith("the draw cannot be repeated") for what in found)


@pytest.mark.parametrize("method", ["srs", {"name": "sistematic"}, {}])
def test_an_unknown_method_is_refused(method: object) -> None:
    with pytest.raises(SamplingError, match="unknown method of selection"):
        draw_record(FRAME, FRAME.head(1), {"secret": SECRET, "public_value": "1", "method": method})


def test_a_group_of_people_has_the_digest_of_its_rows_written_out():
    """By hand: columns in the order of their names, each value as length, colon and text; rows sorted, then hashed."""
    frame = pd.DataFrame({"reason": ["moved", "moved", "retired"], "person_id": ["p2", "p1", None]})
    rows = [hashlib.sha256(text).hexdigest() for text in (b"2:p15:moved", b"2:p25:moved")]
    found = group_digests(frame, "reason")
    assert found["moved"] == {"people": 2, "digest": hashlib.sha256("".join(sorted(rows)).encode()).hexdigest()}
    assert found["retired"]["digest"] == hashlib.sha256(hashlib.sha256(b"-7:retired").hexdigest().encode()).hexdigest()
