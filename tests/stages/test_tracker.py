"""The tracker through import, and on the page of the year after."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from spi_analysis.params import RoundSetup, load_setup
from spi_analysis.params.workspace import Workspace
from spi_analysis.stages.report import tracked
from spi_analysis.stages.tracker_files import import_tracker
from spi_analysis.tables.files import write_parquet
from tests.conftest import PROJECT
from tests.stages.town import TOWN

ROWS = [
    (TOWN, 2022, "open_rules", "done", 2, 2, 2, 2),
    (TOWN, 2023, "budget_controls", "in_progress", 3, 4, 2, 1),
    (TOWN, 2023, "Perbaiki <parkir>", "not_started", 0, 1, 0, 0),
    (TOWN, 2024, "open_rules", "in_progress", 1, 2, 1, 1),
    ("kota-bengkulu", 2023, "open_rules", "done", 1, 1, 1, 1),
]
COLUMNS = ["institution_id", "year", "recommendation", "status", "done", "total", "conforming", "validated"]


@pytest.fixture
def place(tmp_path: Path) -> RoundSetup:
    shutil.copytree(PROJECT / "params", tmp_path / "params")
    return load_setup(Workspace(tmp_path), "spi_2024")


def written(folder: Path, rows: list[tuple]) -> Path:
    path = folder / "tracker.csv"
    pd.DataFrame(rows, columns=COLUMNS).to_csv(path, index=False)
    return path


def test_a_report_shows_the_years_before_its_own(place: RoundSetup, tmp_path: Path) -> None:
    assert tracked(place, TOWN).empty, "nothing is known yet"
    import_tracker(place, [written(tmp_path, ROWS)])
    rows = tracked(place, TOWN)
    assert rows["year"].tolist() == [2023, 2023, 2022]
    assert rows["tlp"].tolist() == [0, 25, 100]


def test_a_tracker_kept_by_an_earlier_version_has_no_rates(place: RoundSetup, tmp_path: Path) -> None:
    """It knew only what was reported as done, and called that the follow-up."""
    table = import_tracker(place, [written(tmp_path, ROWS)]).drop(columns=["conforming", "validated"])
    write_parquet(place.workspace.data / "tracker.parquet", table.assign(tlp=100.0))
    assert len(tracked(place, TOWN)) == 3
    assert tracked(place, TOWN)["tlp"].isna().all()


def test_a_later_file_takes_the_place_of_an_earlier_one(place: RoundSetup, tmp_path: Path) -> None:
    import_tracker(place, [written(tmp_path, ROWS)])
    import_tracker(place, [written(tmp_path, ROWS[:1])])
    assert len(tracked(place, TOWN)) == 1


def plan(folder: Path, rows: list[tuple]) -> Path:
    """A plan of action as a workbook: the row of names, then actions."""
    path = folder / "plan.xlsx"
    names = ["institution_id", "year", "recommendation", "action", "done", "conforming", "validated"]
    pd.DataFrame(rows, columns=names).to_excel(path, index=False)
    return path


def test_a_plan_that_was_filled_in_takes_the_place_of_its_institution_and_year(
    place: RoundSetup, tmp_path: Path
) -> None:
    import_tracker(place, [written(tmp_path, ROWS)])
    actions = [(TOWN, 2023, "merit", "one", "ya", "ya", "ya"), (TOWN, 2023, "merit", "two", "ya", "ya", "tidak")]
    import_tracker(place, [plan(tmp_path, actions)])
    rows = tracked(place, TOWN)
    assert rows["recommendation"].tolist() == ["merit", "open_rules"], "2023 anew, 2022 as it was"
    assert rows["tlp"].tolist() == [50, 100]
    assert len(tracked(place, "kota-bengkulu")) == 1
