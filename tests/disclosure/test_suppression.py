"""Which cells are hidden, name by name, and what must go with them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spi_analysis.disclosure import hide_small, small_cells
from spi_analysis.params import DisclosureParams
from spi_analysis.tables import with_kinds
from spi_analysis.tables.contracts import HIDDEN_COLUMNS, mask


def hidden(n: dict[str, int], min_cell: int = 10) -> set[str]:
    flags = small_cells(pd.Series(n), min_cell)
    return set(flags.index[flags])


@pytest.mark.parametrize(
    ("n", "expected", "rationale"),
    [
        ({"a": 10, "b": 12, "c": 30}, set(), "all large enough"),
        ({"a": 9, "b": 12, "c": 30}, {"a", "b"}, "a alone would follow by subtraction: the smallest other goes too"),
        ({"a": 9, "b": 8, "c": 30}, {"a", "b"}, "two hidden, 17 people together: neither follows"),
        ({"a": 3, "b": 4, "c": 30, "d": 12}, {"a", "b", "d"}, "two hidden hold 7 people only: a group under 10"),
        ({"a": 5, "b": 12, "c": 12}, {"a", "b"}, "of equal ones the first by name"),
        ({"a": 4}, {"a"}, "nothing else to hide"),
        ({"a": 4, "b": 5}, {"a", "b"}, "all hidden"),
        ({"a": 0, "b": 20, "c": 40}, {"a", "b"}, "nobody is fewer than ten"),
    ],
)
def test_which_cells_are_hidden(n: dict[str, int], expected: set[str], rationale: str) -> None:
    assert hidden(n) == expected, rationale


@given(n=st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 40), min_size=1), seed=st.integers(0, 99))
def test_no_small_group_follows_by_subtraction(n: dict[str, int], seed: int) -> None:
    gone = hidden(n)
    assert all(count >= 10 for cell, count in n.items() if cell not in gone)
    if gone and gone != set(n):
        assert len(gone) >= 2
        assert sum(n[cell] for cell in gone) >= 10
    mixed = dict(np.random.default_rng(seed).permutation(np.array(list(n.items()), dtype=object)))
    assert hidden(mixed) == gone, "the order of cells does not matter"


# --- a whole table of estimates


def row(measure: str, n: float, source: str | None = None, part: str | None = None, **other: str) -> dict:
    """``other``: domain of units, denominator of rates."""
    figures = dict.fromkeys(HIDDEN_COLUMNS, 50.0) | {"n": n}
    return {"measure": measure, "source": source, "part": part, "status": "shown", **other, **figures}


def estimates(
    internal: int = 100, external: int = 60, expert: int = 12, units: dict[str, int] | None = None
) -> pd.DataFrame:
    sizes = {"internal": internal, "external": external, "expert": expert}
    rows = [row("source_score", n, source) for source, n in sizes.items()]
    rows += [row("dimension_score", n, source, d) for source, n in sizes.items() for d in ("first", "second")]
    rows += [
        row("unit_score", n, "internal", domain=name) for name, n in (units or {"x": 60, "y": internal - 60}).items()
    ]
    rows += [row("experience_rate", 8, "external", "asked", denominator="contacts")]
    rows += [row("experience_rate", 55, "external", "asked", denominator="respondents")]
    composites = ["index", "index_without_panel_variance", "index_change", "category_probability", "target_probability"]
    rows += [row(measure, np.nan) for measure in composites]
    rows += [row("index_variance_share", np.nan, part=source) for source in sizes]
    rows += [row("index_part", np.nan, part=part) for part in (*sizes, "correction_conduct")]
    return with_kinds(pd.DataFrame(rows))


def limits(min_cell: int = 10, min_panel: int = 5) -> DisclosureParams:
    return DisclosureParams(
        min_cell=min_cell, min_panel=min_panel, min_panel_reason="a test", source="a test", as_of="2024-07-01"
    )


def hidden_rows(table: pd.DataFrame, min_cell: int = 10, min_panel: int = 5) -> pd.DataFrame:
    shown = hide_small(table, limits(min_cell, min_panel), ["expert"])
    gone = shown[shown["status"] == "suppressed"]
    assert gone[HIDDEN_COLUMNS].isna().all(axis=None), "a hidden row keeps no figure at all, n included"
    kept = shown[shown["status"] == "shown"]
    pd.testing.assert_frame_equal(kept, table.loc[kept.index])
    return gone


def test_large_sources_keep_everything_but_the_thin_rate_and_what_would_tell_it() -> None:
    """Without contact counts as no: 0 % of 55 respondents would say 0 % of the 8 with contact."""
    gone = hidden_rows(estimates())
    told = [["experience_rate", "asked", "contacts"], ["experience_rate", "asked", "respondents"]]
    assert gone[["measure", "part", "denominator"]].values.tolist() == told


def test_other_items_and_other_sources_keep_their_rates() -> None:
    sizes = {"contacts": 30, "respondents": 55}
    others = [row("experience_rate", n, "external", "paid", denominator=name) for name, n in sizes.items()]
    others += [row("experience_rate", 80, "internal", "asked", denominator="respondents")]
    gone = hidden_rows(pd.concat([estimates(), with_kinds(pd.DataFrame(others))], ignore_index=True))
    assert set(gone["part"]) == {"asked"}
    assert set(gone["source"]) == {"external"}


COMPOSITES = ("index", "category", "target")


@pytest.mark.parametrize(
    ("sizes", "source"),
    [({"internal": 9, "units": {"x": 9}}, "internal"), ({"external": 9}, "external"), ({"expert": 4}, "expert")],
)
def test_a_hidden_source_hides_all_that_is_inside_and_every_composite(sizes: dict, source: str) -> None:
    table = estimates(**sizes)
    gone = hidden_rows(table)
    assert set(table.index[table["source"] == source]) <= set(gone.index), "scores, dimensions, units, rates, share"
    composite = table["measure"].str.startswith(COMPOSITES)
    assert set(table.index[composite]) <= set(gone.index), "or one subtraction would give the hidden score"
    others = table[(table["measure"] == "source_score") & (table["source"] != source)]
    assert not set(others.index) & set(gone.index), "the other sources stay"


def test_a_panel_has_its_own_threshold() -> None:
    assert "expert" not in set(hidden_rows(estimates(expert=5))["source"].dropna())


def test_thin_unit_takes_the_smallest_other_unit_with_it() -> None:
    gone = hidden_rows(estimates(units={"x": 60, "y": 6, "z": 34}))
    assert set(gone.loc[gone["measure"] == "unit_score", "domain"]) == {"y", "z"}


def test_respondents_of_no_known_unit_are_a_cell_too() -> None:
    """100 answered, 97 of them in units: the score of the 3 others would follow by subtraction."""
    gone = hidden_rows(estimates(units={"x": 60, "y": 37}))
    assert set(gone.loc[gone["measure"] == "unit_score", "domain"]) == {"y"}
    assert hidden_rows(estimates(units={"x": 60, "y": 30})).query("measure == 'unit_score'").empty, (
        "10 others may follow"
    )


def test_dimension_answered_by_few_hides_two_dimensions() -> None:
    table = estimates()
    table.loc[(table["source"] == "internal") & (table["part"] == "first"), "n"] = 7
    gone = hidden_rows(table)
    assert set(gone.loc[gone["measure"] == "dimension_score", "part"]) == {"first", "second"}
    assert set(gone.loc[gone["measure"] == "dimension_score", "source"]) == {"internal"}


def test_withheld_says_so() -> None:
    table = estimates()
    masked = mask(table, pd.Series(True, index=table.index), "withheld")
    assert (masked["status"] == "withheld").all()
    assert masked[HIDDEN_COLUMNS].isna().all(axis=None)
    assert (table["status"] == "shown").all(), "the table that came in is untouched"


@pytest.mark.parametrize(
    ("n", "favourable", "gone", "rationale"),
    [
        (10, 40.0, False, "ten answered, not all alike"),
        (9, 40.0, True, "an answer of nine is one person's word, though the panel's score is shown from five on"),
        (50, 100.0, True, "all answered alike: so did everyone who is known to have answered"),
    ],
)
def test_answers_to_an_item_as_a_whole(n: int, favourable: float, gone: bool, rationale: str) -> None:
    shares = {"favourable": favourable, "neutral": 100 - favourable, "unfavourable": 0.0}
    rows = [row(f"item_{name}", n, "expert", "q1") | {"estimate": share} for name, share in shares.items()]
    others = [row("item_favourable", 50, "internal", "q1"), row("item_favourable", 12, "expert", "q2")]
    table = with_kinds(pd.concat([estimates(), pd.DataFrame([*rows, *others])], ignore_index=True))
    shown = hide_small(table, limits(), ["expert"])
    items = shown[shown["measure"].str.startswith("item_")]
    told = items.set_index(["source", "part"])["status"] == "suppressed"
    assert told["expert", "q1"].tolist() == [gone] * 3, rationale
    assert not told["internal", "q1"].any()
    assert not told["expert", "q2"].any()


@pytest.mark.parametrize(
    ("people", "gone", "rationale"),
    [
        ((400, 80, 20), (False, False, False), "each kind of answer was given by ten or more"),
        (
            (400, 97, 3),
            (False, True, True),
            "three answered badly; what is neutral would tell, since the shares sum to 100",
        ),
        ((490, 8, 2), (False, True, True), "the two hidden ones hold ten people together"),
        ((495, 3, 2), (True, True, True), "the rest of 100 % would say that five did not answer well"),
        ((4, 100, 396), (True, True, False), "few good answers tell as much"),
        ((480, 20, 0), (False, True, True), "nobody is a number below ten, too"),
    ],
)
def test_a_kind_of_answer_that_few_gave(people: tuple, gone: tuple, rationale: str) -> None:
    kinds = ("favourable", "neutral", "unfavourable")
    rows = [
        row(f"item_{kind}", 500, "internal", "q1") | {"estimate": n / 5, "fewest": n}
        for kind, n in zip(kinds, people, strict=True)
    ]
    table = with_kinds(pd.concat([estimates(), pd.DataFrame(rows)], ignore_index=True))
    shown = hide_small(table, limits(), ["expert"])
    told = shown[shown["measure"].str.startswith("item_")].set_index("measure")["status"] == "suppressed"
    assert tuple(told[f"item_{kind}"] for kind in kinds) == gone, rationale
