"""The audit of a list: counted by hand, and nothing on few people, not even by subtraction."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spi_analysis.errors import SamplingError
from spi_analysis.survey.sampling import coverage, list_quality, lists_shared, shown_counts

LEAST = 10


def test_coverage_by_hand() -> None:
    table = coverage(pd.Series({"a": 90, "b": 30, "c": 5}), {"a": 100, "b": 25, "d": 12, "c": 0})
    assert table["share"].to_dict() == pytest.approx({"a": 0.9, "b": 1.2, "c": np.nan, "d": 0.0}, nan_ok=True)
    assert table["missing_people"].to_dict() == {"a": 10, "b": 0, "c": 0, "d": 12}, "d: nobody is listed"


def test_a_known_total_below_zero_is_refused() -> None:
    with pytest.raises(SamplingError, match="known total is out of range") as caught:
        coverage(pd.Series({"a": 1}), {"a": -3})
    assert "where: key a" in str(caught.value)


def test_flags_are_counted_by_group_and_the_unknown_group_is_kept() -> None:
    frame = pd.DataFrame({"unit": ["a", "a", None, "b"], "channel": ["w", "e", "w", "e"]})
    table = list_quality(frame, "unit", {"no_whatsapp": frame["channel"] == "e"})
    assert table.to_dict("index") == {
        "(unknown)": {"people": 1, "no_whatsapp": 0},
        "a": {"people": 2, "no_whatsapp": 1},
        "b": {"people": 1, "no_whatsapp": 1},
    }
    with pytest.raises(SamplingError, match="did you mean 'unit'"):
        list_quality(frame, "unti", {})


def test_people_on_two_lists_count_on_each() -> None:
    others, source = pd.Series(["b", None, "a", "a c"]), pd.Series(["a", "a", "b", "b"])
    assert lists_shared(others, source).to_numpy().tolist() == [["a", "b", 1], ["b", "a", 2], ["b", "c", 1]]


@pytest.mark.parametrize(
    ("rows", "expected", "rationale"),
    [
        ([[100, 20], [50, 0]], [[100, 20], [50, 0]], "all large, or none"),
        (
            [[100, 3], [50, 20], [60, 30]],
            [[100, np.nan], [50, np.nan], [60, 30]],
            "from the sum 3 would follow",
        ),
        ([[100, 97], [50, 20]], [[100, np.nan], [50, np.nan]], "97 of 100 tells of 3"),
        (
            [[20, 17], [12, 12], [60, 40], [80, 50]],
            [[20, np.nan], [12, np.nan], [60, np.nan], [80, 50]],
            "29 of the 32 of the first two would follow: 3 without",
        ),
        ([[5, 0], [50, 20], [60, 30]], [[np.nan] * 2, [np.nan] * 2, [60, 30]], "5 people; 50 go with them"),
    ],
)
def test_what_is_hidden_by_hand(rows: list, expected: list, rationale: str) -> None:
    table = pd.DataFrame(rows, columns=["people", "flag"])
    np.testing.assert_array_equal(shown_counts(table, LEAST).to_numpy(), expected, err_msg=rationale)


groups = st.lists(st.tuples(st.integers(0, 60), st.floats(0, 1)), min_size=1, max_size=7)


@given(groups, st.booleans())
def test_nothing_on_few_people_and_nothing_by_subtraction(rows: list, split: bool) -> None:
    """An attacker knows every total of a column and all that is shown: of what is hidden there are two or more."""
    table = pd.DataFrame([(n, int(n * share)) for n, share in rows], columns=["people", "flag"])
    table.index = pd.MultiIndex.from_arrays([[i % 2 if split else 0 for i in range(len(rows))], range(len(rows))],
                                            names=["source", "unit"])  # fmt: skip
    shown = shown_counts(table, LEAST, within="source")
    visible = shown.notna()
    assert not ((table > 0) & (table < LEAST) & visible).to_numpy().any()
    left = table["people"] - table["flag"]
    assert not ((left > 0) & (left < LEAST) & visible["flag"]).any()
    assert not (visible["flag"] & ~visible["people"]).any()
    for _, part in visible.groupby(level="source"):
        for column in part:
            hidden = part.index[~part[column]]
            total = table.loc[hidden, column].sum()
            everything = len(hidden) == len(part)
            assert len(hidden) != 1 or everything
            assert total == 0 or total >= LEAST or everything
            if column == "flag":
                without = left[hidden].sum()
                assert without == 0 or without >= LEAST or everything, "those of the hidden without the flag"
