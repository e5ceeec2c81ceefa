"""A finished survey with its own weights: read whole, or refused with all that is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyreadstat
import pytest

from spi_analysis.errors import InputError
from spi_analysis.tables.importing.finished_survey import survey_answers
from tests.scores.toys import instrument

COLUMNS = {"person_id": "no", "weight": "w", "stratum": "region"}
HEADER = "No,W,Region,A,B,C,D,met,asked\n"
ROWS = "1,1.5,north,1,2,3,4,1,0\n2,0.5,south,9,8,,5 - agree,0,\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "answers.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_codes_weights_and_design_columns(tmp_path: Path) -> None:
    read = survey_answers(written(tmp_path, HEADER + ROWS), instrument(), "internal", COLUMNS)
    assert read.answers["weight"].tolist() == [1.5, 0.5]
    assert read.answers["stratum"].tolist() == ["north", "south"]
    assert read.answers[list("abd")].to_numpy().tolist() == [[1, 2, 4], [9, 8, 5]]
    assert read.answers["c"].isna().tolist() == [False, True]
    assert read.unread.empty


def test_codes_off_the_scale_are_counted(tmp_path: Path) -> None:
    read = survey_answers(
        written(tmp_path, HEADER + ROWS + "3,1,north,7,7,1,7,1,1\n"), instrument(), "internal", COLUMNS
    )
    assert read.unread.to_numpy().tolist() == [["a", "7", 1], ["b", "7", 1], ["d", "7", 1]]
    assert read.answers["a"].isna().sum() == 1


def test_all_that_is_wrong_with_the_people_at_once(tmp_path: Path) -> None:
    path = written(tmp_path, HEADER + ROWS + "2,0,north,1,1,1,1,1,1\n,many,north,1,1,1,1,1,1\n")
    with pytest.raises(InputError) as caught:
        survey_answers(path, instrument(), "internal", COLUMNS)
    found = {problem.what: (problem.row, problem.got) for problem in caught.value.problems}
    assert found == {
        "a respondent has no number": (5, "1 rows"),
        "respondents share a number": (4, "1 rows"),
        "a weight is no positive number": (4, "2 rows"),
    }


def test_missing_columns_are_all_named(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        survey_answers(written(tmp_path, "no,w,A,B,C,met\n1,1,1,1,1,1\n"), instrument(), "internal", COLUMNS)
    assert [problem.column for problem in caught.value.problems] == ["region", "d", "asked"]


def test_columns_that_nobody_names_keep_their_names(tmp_path: Path) -> None:
    read = survey_answers(written(tmp_path, HEADER + ROWS), instrument(), "internal", {"person_id": "no"})
    assert read.answers.columns[:3].tolist() == ["person_id", "W", "Region"]
    assert read.answers["W"].tolist() == [1.5, 0.5], "numbers are numbers"
    assert read.answers["Region"].tolist() == ["north", "south"]


def test_what_the_file_says_of_itself(tmp_path: Path) -> None:
    data = pd.DataFrame({"no": [1.0, 2.0], "w": [1.0, 1.0], "a": [5.0, 4.0]}).assign(
        b=1.0, c=1.0, d=1.0, met=1.0, asked=1.0
    )
    path = tmp_path / "a.sav"
    pyreadstat.write_sav(data, str(path), missing_ranges={"a": [5]}, variable_value_labels={"a": {5.0: "Not relevant"}})
    read = survey_answers(path, instrument(), "internal", {"person_id": "no", "weight": "w"})
    assert read.answers["a"].fillna(-1).tolist() == [-1, 4], "5 is declared missing, so it is no answer and not unread"
    assert read.unread.empty


def test_formulas_that_were_never_computed_are_counted(write_xlsx: Callable[..., Path]) -> None:
    rows = [["no", "w", *"abcd", "met", "asked"], [1, 1, "=4+1", 2, 3, 4, 1, 0], [2, 1, "=5", 2, 3, 4, 1, 0]]
    path = write_xlsx("a.xlsx", rows)
    read = survey_answers(path, instrument(), "internal", {"person_id": "no", "weight": "w"})
    assert read.unread.to_numpy().tolist() == [["a", "a formula that was never computed", 2]]
