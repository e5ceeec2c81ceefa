"""Cells and the merging of thin ones, on tables that can be merged by hand."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spi_analysis.errors import SamplingError
from spi_analysis.survey.groups import cell_labels, merge_thin_cells, merged_codes, with_unknown_level


def cells(rows: list[tuple[str, str, int]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["unit", "position", "people"])


def groups(table: pd.DataFrame) -> dict[str, str]:
    return dict(zip(table["cell"], table["group"], strict=True))


def test_missing_value_is_a_level_of_its_own() -> None:
    people = pd.DataFrame({"unit": ["A", None], "sex": ["f", "m"]})
    assert cell_labels(people, ["unit", "sex"]).tolist() == ["A × f", "(unknown) × m"]


def test_thick_cells_stay_alone() -> None:
    table = merge_thin_cells(cells([("A", "x", 5), ("A", "y", 2)]), ["unit", "position"], "people", 2)
    assert groups(table) == {"A × x": "A × x", "A × y": "A × y"}
    assert not table["merged"].any()


def test_thin_cell_joins_the_thinnest_of_its_own_unit() -> None:
    table = merge_thin_cells(
        cells([("A", "x", 9), ("A", "y", 4), ("A", "z", 1), ("B", "x", 2)]), ["unit", "position"], "people", 2
    )
    assert groups(table) == {
        "A × x": "A × x",
        "A × y": "A × y (+1)",
        "A × z": "A × y (+1)",
        "B × x": "B × x",
    }, "z joins y, the thinnest of unit A, though unit B's cell is thinner still"


def test_units_merge_only_when_a_whole_unit_is_thin() -> None:
    table = merge_thin_cells(
        cells([("A", "x", 1), ("A", "y", 1), ("B", "x", 3), ("C", "x", 8)]), ["unit", "position"], "people", 3
    )
    assert groups(table)["A × x"] == groups(table)["A × y"] == groups(table)["B × x"] == "B × x (+2)"
    assert groups(table)["C × x"] == "C × x", "B is thinner than C, so the rest of A joins B"


def test_too_few_people_end_in_one_group() -> None:
    table = merge_thin_cells(cells([("A", "x", 1), ("B", "y", 2)]), ["unit", "position"], "people", 10)
    assert set(table["group"]) == {"B × y (+1)"}


@given(
    counts=st.dictionaries(
        st.tuples(st.sampled_from("ABCD"), st.sampled_from("xyz")), st.integers(0, 9), min_size=1, max_size=12
    ),
    minimum=st.integers(1, 6),
    seed=st.integers(0, 99),
)
def test_groups_reach_the_minimum_and_row_order_is_no_matter(
    counts: dict[tuple[str, str], int], minimum: int, seed: int
) -> None:
    table = cells([(*cell, n) for cell, n in counts.items()])
    merged = merge_thin_cells(table, ["unit", "position"], "people", minimum)
    held = table["people"].groupby(merged["group"]).sum()
    assert (held >= minimum).all() or len(held) == 1
    mixed = merge_thin_cells(
        table.sample(frac=1, random_state=seed).reset_index(drop=True), ["unit", "position"], "people", minimum
    )
    assert groups(mixed) == groups(merged)


def test_a_cell_given_twice_is_refused() -> None:
    with pytest.raises(SamplingError, match="given twice") as caught:
        merge_thin_cells(cells([("A", "x", 1), ("A", "x", 2)]), ["unit", "position"], "people", 2)
    assert "A × x" in str(caught.value)


def test_missing_column_names_the_nearest() -> None:
    with pytest.raises(SamplingError, match="did you mean 'position'"):
        cell_labels(cells([("A", "x", 1)]), ["unit", "posision"])


def test_cells_need_columns_and_a_size():
    cells = pd.DataFrame({"unit": ["a", "b"], "n": [3, 30]})
    with pytest.raises(SamplingError, match="no column is named"):
        cell_labels(cells, [])
    with pytest.raises(SamplingError, match="no number"):
        merge_thin_cells(cells, ["unit"], "n", float("nan"))


@given(st.lists(st.tuples(st.sampled_from("AB"), st.sampled_from("xyz"), st.integers(0, 9)), min_size=1))
def test_numbers_of_groups_say_the_same_as_their_labels(rows: list[tuple[str, str, int]]) -> None:
    table = cells(rows).drop_duplicates(["unit", "position"]).reset_index(drop=True)
    labelled = merge_thin_cells(table, ["unit", "position"], "people", 4)
    parts = list(zip(table["unit"], table["position"], strict=True))
    assert merged_codes(parts, table["people"], 4).tolist() == pd.factorize(labelled["group"])[0].tolist()


@pytest.mark.parametrize(
    ("values", "kind"), [(["a", None], object), ([True, pd.NA], "boolean"), (["a", None], "category")]
)
def test_what_is_missing_is_a_level_of_its_own(values: list, kind: object) -> None:
    """Of any kind of column, as text; a text that is there stays as it is."""
    assert with_unknown_level(pd.Series(values, dtype=kind)).tolist() == [str(values[0]), "(unknown)"]
