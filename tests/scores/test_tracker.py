"""The tracker of recommendations: read whole or refused with all that is wrong; shares counted by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spi_analysis.errors import InputError
from spi_analysis.scores import follow_up
from spi_analysis.stages import load_tracker

HEADER = "institution_id,year,recommendation,status,done,total\n"
FULL = HEADER.replace("total", "total,conforming,validated")
SOUND = (
    "kota-a,2023,open_rules,done,4,4\n"
    "kota-a,2023,budget_controls,in_progress,1,4\n"
    "kota-a,2022,Lain-lain,not_started,0,2\n"
)
# Of the four actions done three conform, of which the commission validated two; and so on.
VALIDATED = (
    "kota-a,2023,open_rules,done,4,4,3,2\n"
    "kota-a,2023,budget_controls,in_progress,1,4,1,1\n"
    "kota-a,2022,Lain-lain,not_started,0,2,0,0\n"
)


def written(folder: Path, text: str) -> Path:
    path = folder / "tracker.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_shares_by_hand(tmp_path: Path) -> None:
    table = load_tracker(written(tmp_path, FULL + VALIDATED), ["kota-a", "kota-b"])
    assert table["tlp"].tolist() == [0, 25, 50], "only what conforms and was validated counts, of all actions"
    years = follow_up(table)
    assert years["year"].tolist() == [2023, 2022], "the latest first"
    assert years[["recommendations", "completed", "done", "total"]].to_numpy().tolist() == [[2, 1, 5, 8], [1, 0, 0, 2]]
    assert years[["conforming", "validated"]].to_numpy().tolist() == [[4, 3], [0, 0]]
    assert years["tlp"].tolist() == [37.5, 0]


def test_what_was_reported_is_no_follow_up(tmp_path: Path) -> None:
    """A file without what was validated: no rate, neither 0 nor that of what was reported (62.5 %)."""
    table = load_tracker(written(tmp_path, HEADER + SOUND), ["kota-a"])
    assert table["tlp"].isna().all()
    assert follow_up(table)[["conforming", "validated", "tlp"]].isna().all(axis=None)
    assert follow_up(table)["done"].tolist() == [5, 0]


def test_what_is_not_known_of_one_recommendation_is_not_known_of_its_year(tmp_path: Path) -> None:
    text = FULL + VALIDATED.replace("1,4,1,1", "1,4,,")
    years = follow_up(load_tracker(written(tmp_path, text), ["kota-a"])).set_index("year")
    assert years.loc[2022, "tlp"] == 0
    assert np.isnan(years.loc[2023, "tlp"])


def test_more_cannot_be_validated_than_conforms_nor_conform_than_is_done(tmp_path: Path) -> None:
    rows = [
        "kota-a,2023,a,in_progress,2,4,3,1",
        "kota-a,2023,b,in_progress,2,4,1,2",
        "kota-a,2023,c,in_progress,2,4,,1",
        "kota-a,2023,d,in_progress,2,4,1.5,1",
    ]
    with pytest.raises(InputError) as caught:
        load_tracker(written(tmp_path, FULL + "\n".join(rows) + "\n"), ["kota-a"])
    found = sorted((p.row, p.column) for p in caught.value.problems)
    assert found == [(2, "conforming"), (3, "validated"), (4, "conforming"), (5, "conforming")]
    with pytest.raises(InputError) as caught:
        load_tracker(written(tmp_path, HEADER.replace("total", "total,validated") + "kota-a,2023,a,done,1,1,1\n"), [])
    assert [p.column for p in caught.value.problems] == ["conforming"]


def test_all_problems_at_once_with_row_and_column(tmp_path: Path) -> None:
    rows = [
        "kota-aa,2023,a,done,1,1",
        "kota-a,23,b,done,1,1",
        "kota-a,2023,c,finished,1,1",
        "kota-a,2023,d,in_progress,3,2",
        "kota-a,2023,e,in_progress,1,0",
        "kota-a,2023,,in_progress,1,2",
        "kota-a,2023,f,done,1,2",
        "kota-a,2023,g,not_started,1,2",
        "kota-a,2023,h,in_progress,2,2",
        "kota-a,2023,i,in_progress,x,2",
        "kota-a,2023,d,in_progress,1,2",
    ]
    with pytest.raises(InputError) as caught:
        load_tracker(written(tmp_path, HEADER + "\n".join(rows) + "\n"), ["kota-a"])
    found = sorted((p.row, p.column) for p in caught.value.problems)
    assert found == [
        (2, "institution_id"),
        (3, "year"),
        (4, "status"),
        (5, "done"),
        (6, "done"),
        (6, "total"),
        (7, "recommendation"),
        (8, "status"),
        (9, "status"),
        (10, "status"),
        (11, "done"),
        (12, "recommendation"),
    ]
    assert "did you mean 'kota-a'" in str(caught.value)


def test_missing_columns_are_named(tmp_path: Path) -> None:
    text = HEADER.replace("status", "state").replace(",total", "") + "kota-a,2023,a,done,1\n"
    with pytest.raises(InputError) as caught:
        load_tracker(written(tmp_path, text), ["kota-a"])
    assert [p.column for p in caught.value.problems] == ["status", "total"]


def test_rows_that_do_not_fit_the_header(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load_tracker(written(tmp_path, HEADER + SOUND + "kota-a,2023,x,done,1\n"), ["kota-a"])
    assert caught.value.problems[0].row == 5
