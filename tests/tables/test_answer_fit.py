"""Answers against an instrument that changed after they came in: every misfit is named at once, with its way out."""

import pandas as pd
import pytest

from spi_analysis.errors import InputError
from spi_analysis.tables.round_data import foreign_columns, require_answers_fit
from tests.scores.toys import instrument


def answers(**given) -> pd.DataFrame:
    """Two employees with an answer to every question of the toy instrument (scale 1 to 5, contact 0 or 1)."""
    people = {"institution_id": "x", "person_id": ["p", "q"], "source": "internal", "started_at": pd.NaT}
    codes = {"a": 1.0, "b": 2.0, "c": 3.0, "d": 5.0, "met": 1.0, "asked": 0.0}
    return pd.DataFrame(people | {"completed_at": pd.NaT} | codes).assign(**given)


def problems(table: pd.DataFrame) -> dict[str, tuple[str, str, str]]:
    with pytest.raises(InputError) as caught:
        require_answers_fit(table, instrument(), "data/r/responses/x.parquet")
    assert all(p.file == "data/r/responses/x.parquet" for p in caught.value.problems)
    return {p.column: (p.what, p.got, p.hint) for p in caught.value.problems}


def test_answers_to_all_questions_fit() -> None:
    require_answers_fit(answers(a=[None, 8.0], met=[9.0, None]), instrument())


def test_an_item_that_came_in_later_is_named_with_the_way_out() -> None:
    what, _, hint = problems(answers().drop(columns="d"))["d"]
    assert what == "an item of the instrument has no column"
    assert "spi import responses FILES..." in hint
    assert "did you mean" not in hint, "there is no column that it might be"


def test_a_renamed_item_is_named_with_the_column_that_it_may_be() -> None:
    _, _, hint = problems(answers().rename(columns={"asked": "asked_1"}))["asked"]
    assert "did you mean 'asked_1'?" in hint


def test_codes_off_the_scale_are_named_for_contacts_and_experiences_too() -> None:
    """They would count as missing, so that a rate would rest on fewer people without a word."""
    found = problems(answers(c=[6.0, 7.0], asked=[2.0, 1.0]))
    assert found["c"][:2] == ("answers lie outside the scale", "6, 7")
    assert found["asked"][:2] == ("answers lie outside the scale", "2")


def test_all_problems_at_once() -> None:
    assert set(problems(answers(b=[0.0, 1.0]).drop(columns=["a", "met"]))) == {"a", "b", "met"}


def test_a_source_that_did_not_answer_needs_no_columns() -> None:
    require_answers_fit(answers().iloc[:0].drop(columns="a"), instrument())


def test_an_item_that_was_taken_out_leaves_a_column_that_nothing_uses() -> None:
    table = answers(gone=3.0)
    require_answers_fit(table, instrument())
    assert foreign_columns(table, instrument()) == ["gone"]
