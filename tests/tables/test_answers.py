"""What a column of answers means: judged as a whole, then cell by cell, on scales of the project's instrument."""

from __future__ import annotations

import pytest

from spi_analysis.tables.importing.answers import AnswerColumn

LABELS = {1: "Sangat tidak setuju", 2: "Tidak setuju", 3: "Netral", 4: "Setuju", 5: "Sangat setuju"}
OUT, DISAGREES, ANOTHER = "answer_out_of_scale", "answer_disagrees_with_its_label", "answer_of_another_scale"
RENAMED, OUTSIDE, MISSING = "numbers_renamed", "numbers_of_another_scale", "answer_declared_missing"


@pytest.fixture
def read(setup):
    def read(cells, scale="agree", **says):
        column = AnswerColumn(setup.instrument.scales[scale], cells, **says)
        return [column.reading(cell).value or column.reading(cell).problem for cell in cells]

    return read


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("4 - Agak setuju", 4),
        ("4.0 - Agak setuju", 4),
        ("4. AGAK SETUJU", 4),
        ("(4) Agak setuju", 4),
        ("Agak setuju (4)", 4),
        ("4 - Agak setuju (4)", 4),
        ("Agak setuju (AS)", 4),
        ("4 = Agak setuju (AS)", 4),
        ("1 - Sangat setuju", DISAGREES),
        ("1 (Sangat setuju)", DISAGREES),
        ("Setuju - 2", DISAGREES),
        ("5. Sangat setuju (5)", DISAGREES),
        ("4 - Agak setuju (5)", DISAGREES),
        ("4 - Agak setuju (AS, nilai 5)", DISAGREES),
        ("3 = Netral", ANOTHER),
        ("3 Netral", ANOTHER),
        ("Ragu-ragu (3)", ANOTHER),
        ("7 - Tidak relevan", OUT),
        ("Netral", OUT),
        ("-4 - Agak setuju", OUT),
        ("4,5", OUT),
        (4.5, OUT),
        (True, OUT),
        ("9" * 5000, OUT),
        ("9" * 5000 + " setuju", OUT),
    ],
)
def test_a_number_counts_only_with_its_own_word(read, cell, expected):
    assert read([cell]) == [expected], "number and word that disagree are no answer: neither is chosen"


def test_numbers_without_a_word_mean_what_the_words_of_their_column_say(read):
    cells = ["1 - Sangat setuju", "6 - Sangat tidak setuju", 1, "2", "Setuju"]
    assert read(cells) == [DISAGREES, DISAGREES, RENAMED, RENAMED, 5], "a column has one scale, here a reversed one"


def test_a_slip_in_a_long_column_does_not_spoil_its_numbers(read):
    assert read(["1 - Setuju", *[4] * 30]) == [DISAGREES, *[4] * 30], "1 cell of 31 is 3 %"


@pytest.mark.parametrize(
    ("scale", "cells", "expected"),
    [
        ("yes_no", [1, 2, 2, 1, 2], [OUTSIDE] * 5),
        ("agree", [0, 1, 5, "0", 0.0, 3], [OUTSIDE] * 6),
        ("agree", [10, 3, 7, 5, 0], [OUTSIDE] * 5),
        ("agree", [0, 1, 5, 0, 3], [OUT, 1, 5, OUT, 3]),
        ("agree", [99, 99, 98, 77, 1], [OUT, OUT, OUT, OUT, 1]),
    ],
    ids=["1 yes 2 no", "counted from 0", "0 to 10", "two may be slips", "usual codes for no answer"],
)
def test_numbers_outside_the_scale_time_and_again_are_another_scale(read, scale, cells, expected):
    assert read(cells, scale) == expected


def test_a_boolean_is_no_one(read):
    assert read([True, 1, 1.0, "1"]) == [OUT, 1, 1, 1], "True equals 1 to the program, but not in the file"


def test_a_boolean_answers_yes_or_no(setup):
    column = AnswerColumn(setup.instrument.scales["yes_no"], cells := [True, False, 1, 0])
    assert [column.reading(cell).value for cell in cells] == [1, 0, 1, 0]


def test_value_labels_of_another_scale(read):
    """Three of the five labels are ours under other numbers; the middle one is no answer that we know."""
    assert read([1.0, 2.0, 3.0, 4.0, 5.0], labels=LABELS) == [1, 2, ANOTHER, 5, 6]


def test_a_value_without_label_among_renamed_ones_is_unknown(read):
    labels = {1: "Sangat setuju", 2: "Setuju"}
    assert read([1.0, 2.0, 3.0, 8.0], labels=labels) == [6, 5, RENAMED, RENAMED]


def test_labels_that_hold_numbers_themselves(read):
    labels = {1: "1 - Sangat tidak setuju", 2: "1 = Tidak setuju", 3: "3"}
    assert read([1.0, 2.0, 3.0], labels=labels) == [1, DISAGREES, RENAMED], "the second label contradicts itself"


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({}, MISSING),
        ({6: "Tidak relevan"}, MISSING),
        ({6: "Tidak tahu"}, 8),
        ({6: "Sangat setuju"}, DISAGREES),
    ],
)
def test_what_the_file_declares_missing_is_never_an_answer(read, labels, expected):
    assert read([6.0, 5.0], labels=labels, missing={6.0}) == [expected, 5]


def test_our_own_codes_for_no_answer_stay_themselves(read):
    assert read([8.0, 9.0, 4.0], missing={8.0, 9.0}) == [8, 9, 4]


def test_a_mapping_says_what_a_platform_means(read):
    words = {6: ("Amat setuju", "1"), 4: ("3 - Netral",), 1: ("6",)}
    assert read(["Amat setuju", 1, "3 - Netral", 6], more_words=words) == [6, 6, 4, 1]
    assert read([5.0, 4.0], more_words=words, labels={5: "Amat setuju", 4: "Agak setuju"}) == [6, 4]


def test_an_instrument_made_for_the_file_goes_by_its_numbers(read):
    labels = {1: "Not at all", 3: "Somewhat", 6: "A lot", 9: "Don't know"}
    cells = [1.0, 3.0, 6.0, 9.0]
    assert read(cells, labels=labels, own_codes=True) == [1, 3, 6, 9]
    assert read(cells, labels=labels) == [ANOTHER, ANOTHER, ANOTHER, 9], "in a round nobody vouches for them"


@pytest.mark.parametrize(
    ("cells", "found", "proposed"),
    [
        (["1 - Sangat setuju", 1, 5], {"1 - Sangat setuju": 1, "1": 1, "5": 1},
         {6: ["1 - Sangat setuju", "1"], "FILL_IN": ["5"]}),
        (["Netral"] * 3 + [4] * 57, {"Netral": 3}, {"FILL_IN": ["Netral"]}),
        (["Netral"] * 3 + [4] * 58, {}, {}),
        (["Netral"] * 2 + [4], {}, {}),
        ([0, 7, 10, 4], {"0": 1, "7": 1, "10": 1, "4": 1}, {"FILL_IN": ["0", "7", "10", "4"]}),
        ([77] * 3 + [4] * 5, {}, {}),
    ],
)  # fmt: skip
def test_a_column_that_nobody_can_read_with_certainty(setup, cells, found, proposed):
    column = AnswerColumn(setup.instrument.scales["agree"], cells)
    assert (column.unsettled(), column.proposed()) == (found, proposed), "three of 60 are 5 %; two are slips"
