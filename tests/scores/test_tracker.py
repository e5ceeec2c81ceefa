"""The tracker of recommendations: read whole or refused with all that is wrong; shares counted by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from spi_analysis.errors import InputError
from spi_analysis.scores import follow_up, load_tracker

HEADER = "institution_id,year,recommendation,status,done,total\n"
SOUND = (
    "kota-a,2023,open_rules,done,4,4\n"
    "kota-a,2023,budget_controls,in_progress,1,4\n"
    "kota-a,2022,Lain-lain,not_started,0,2\n"
)


def written(folder: Path, text: str) -> Path:
    path = folder / "tracker.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_shares_by_hand(tmp_path: Path) -> None:
    table = load_tracker(written(tmp_path, HEADER + SOUND), ["kota-a", "kota-b"])
    assert table["tlp"].tolist() == [0, 25, 100]
    years = follow_up(table)
    assert years["year"].tolist() == [2023, 2022], "the latest first"
    assert years[["recommendations", "completed", "done", "total"]].to_numpy().tolist() == [[2, 1, 5, 8], [1, 0, 0, 2]]
    assert years["tlp"].tolist() == [62.5, 0]


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
