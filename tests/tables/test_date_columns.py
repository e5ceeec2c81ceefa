"""A decision on the column of dates comes before its cells: which number is the day, from when days are counted."""

import datetime as dt
import re
import zipfile

import openpyxl
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from spi_analysis.tables.cells.dates import day_put_first, first_of, from_1904, read_date
from spi_analysis.tables.identity import link_tokens
from spi_analysis.tables.importing.date_columns import judged
from spi_analysis.tables.importing.events import import_events
from spi_analysis.tables.importing.readers import read_sheets
from tests.tables.lists import CITY, codes

REFERENCE = dt.date(2024, 7, 29)


@pytest.mark.parametrize(
    ("cell", "first"),
    [
        ("25/12/2010", "day"),
        ("12/25/2010", "month"),
        ("12-25-10", "month"),
        ("TMT 12/25/2010", "month"),
        ("8/25/2024 10:15:22 PM", "month"),
        ("11/3/2023", "either"),
        ("01/01/2010", ""),
        ("2010-12-25", ""),
        ("2010-12-25 10:15", ""),
        ("25 Desember 2010", ""),
        ("12/2010", ""),
        ("13/14/2010", ""),
        ("0/25/2010", ""),
        ("12/32/2010", ""),
        (dt.datetime(2010, 12, 25), ""),
        (40537, ""),
        (None, ""),
    ],
)
def test_what_stands_first_in_a_cell(cell, first):
    assert first_of(cell) == first


@given(st.dates(dt.date(1931, 1, 1), dt.date(2024, 7, 29)))
def test_a_date_with_the_month_first_is_that_day(day):
    for spelling in (f"{day:%m/%d/%Y}", f"{day.month}/{day.day}/{day.year}", f"{day:%m-%d-%Y}"):
        assert read_date(day_put_first(spelling), REFERENCE).value == day


@given(st.dates(dt.date(1935, 1, 1), dt.date(2024, 7, 29)))
def test_a_count_of_days_from_1904_is_that_day(day):
    """The count is made by the calendar: day 0 is 1 January 1904."""
    assert read_date(from_1904((day - dt.date(1904, 1, 1)).days), REFERENCE).value == day


def column_of(frame_words, *cells, given=None):
    return judged(enumerate(cells, start=2), frame_words.dates, given)


def test_one_cell_that_can_only_be_read_one_way_decides_for_all(frame_words):
    column = column_of(frame_words, "11/3/2023", "8/25/2023", "8/9/2023")
    assert (column.order, column.month_first, column.either) == ("month_first", (3,), (2, 4))
    assert column_of(frame_words, "11/3/2023", "25/8/2023").order == "day_first"


def test_a_column_that_nothing_decides_follows_the_default_and_says_so(frame_words):
    column = column_of(frame_words, "11/3/2023", "8/9/2023", "1/1/2023")
    assert (column.order, column.is_decided) == ("day_first", False)
    assert list(column.issues()) == [("dates_either_way", (2, 3))]


def test_a_column_that_says_nothing_is_not_remarked_on(frame_words):
    assert not list(column_of(frame_words, "25/8/2023", "11/3/2023", "2020-01-02", None).issues())


def test_cells_that_contradict_each_other_are_doubt_and_a_slip_in_fifty_is_none(frame_words):
    assert column_of(frame_words, "25/8/2023", "8/25/2023").order is None
    assert column_of(frame_words, *["25/8/2023"] * 48, "8/25/2023").order is None, "1 of 49 is more than 2 %"
    assert column_of(frame_words, *["25/8/2023"] * 49, "8/25/2023").order == "day_first"
    assert column_of(frame_words, *["8/25/2023"] * 49, "25/8/2023").order == "month_first"
    assert column_of(frame_words, "25/8/2023", "8/25/2023", given="month_first").order == "month_first"


def with_dates(employees, unit_dates):
    """Employees who joined their unit on these days; 29 July 2024 is the reference, a year in the unit is asked for."""
    return [employees[0], *([*employees[2][:1], f"Orang {chr(65 + i)}", f"19860420201101200{i}", *employees[2][3:5],
                             f"08120000010{i}", None, "P", "20 April 1986", "2011-01-01", day]
                            for i, day in enumerate(unit_dates))]  # fmt: skip


def unit_years(store, vault):
    contacts = vault.read_contacts("spi_2024", CITY, "internal")
    return store.read("frame", CITY).merge(contacts).sort_values("phone")["unit_tenure_years"].tolist()


def test_a_column_with_the_month_first_is_read_so_in_all_its_rows(bring, write_csv, employees, store, vault):
    result = bring(write_csv(f"{CITY}__internal.csv", with_dates(employees, ["11/25/2021", "11/3/2021", "8/9/2021"])))
    # 25 Nov and 3 Nov 2021: 2 years 8 months; 9 Aug 2021: 2 years 11 months, day not yet reached.
    assert unit_years(store, vault) == [2.67, 2.67, 2.92]
    said = result.problems.query("code == 'dates_month_first'")
    assert said[["row", "column"]].to_numpy().tolist() == [[2, "TMT Unit"]], "said once, of this column alone"
    assert "3 rows" in said["reason_en"].iloc[0]


def test_dates_nothing_decides_have_the_day_first(bring, write_csv, employees, store, vault):
    result = bring(write_csv(f"{CITY}__internal.csv", with_dates(employees, ["11/3/2021", "8/9/2021"])))
    # 11 March 2021: 3 years 4 months; 8 September 2021: 2 years 10 months.
    assert unit_years(store, vault) == [3.33, 2.83]
    assert codes(result, column="TMT Unit") == ["dates_either_way"]


def test_a_list_whose_dates_contradict_each_other_waits_for_a_word(bring, write_csv, employees, store, vault, tmp_path):
    file = write_csv(f"{CITY}__internal.csv", with_dates(employees, ["11/25/2021", "25/11/2021", "11/3/2021"]))
    (problem,) = bring(file).failed
    assert problem.what == "the dates of this column contradict each other"
    assert (problem.file, problem.row, problem.column) == (file.name, 2, "TMT Unit")
    assert problem.got == "day first in 1 (row 3); month first in 1 (row 2); 1 can be read either way"
    assert not store.has("frame", CITY)
    given = tmp_path / "given.yaml"
    given.write_text(yaml.safe_dump({"dates": {"order": {"unit_start_date": "month_first"}}}), encoding="utf-8")
    result = bring(file, mapping=given)
    assert not result.failed
    assert unit_years(store, vault)[0] == 2.67
    assert unit_years(store, vault)[2] == 2.67
    assert codes(result, row=3) == ["unit_tenure_unknown"], "the 25 that is no month is a slip, said at its row"


def with_1904(path):
    """The same workbook, whose days are counted from 1904, as Excel on old Macs saved it."""
    target = path.with_name(f"mac_{path.name}")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w") as copy:
        for name in source.namelist():
            content = source.read(name)
            if name == "xl/workbook.xml":
                content = re.sub(rb"<workbookPr\b", b'<workbookPr date1904="1"', content)
                assert b"date1904" in content
            copy.writestr(name, content)
    return target


def test_day_counts_of_a_1904_workbook(bring, write_xlsx, employees, store, vault):
    day = (dt.date(2021, 11, 3) - dt.date(1904, 1, 1)).days
    result = bring(with_1904(write_xlsx(f"{CITY}__internal.xlsx", with_dates(employees, [day, "3 November 2021"]))))
    assert unit_years(store, vault) == [2.67, 2.67], "2 years 8 months before 29 July 2024"
    said = result.problems.query("code == 'dates_from_1904'")
    assert said[["column", "row"]].to_numpy().tolist() == [["TMT Unit", 2]]


def test_the_day_system_is_that_of_the_workbook(write_xlsx):
    plain = write_xlsx("a.xlsx", [["x"], [43771]])
    assert [read_sheets(path)[0].told.days_from_1904 for path in (plain, with_1904(plain))] == [False, True]
    book = openpyxl.Workbook()
    book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    book.active.append([dt.datetime(2023, 11, 3)])
    book.save(plain)
    assert read_sheets(plain)[0].rows[0] == (dt.datetime(2023, 11, 3),), "a cell that is a date was right before"


@pytest.fixture
def tokens(bring, write_xlsx, employees, vault, draw_everyone):
    bring(write_xlsx(f"{CITY}__internal.xlsx", employees))
    who = draw_everyone(CITY)["person_id"]
    return link_tokens(who, "spi_2024", CITY, "internal", vault.secret("link_token"))


def test_a_log_with_the_month_first_is_read_so_in_all_its_rows(tokens, write_csv, setup, store, vault):
    times = ["8/25/2024 10:15", "8/5/2024 9:00 PM", "9/10/2024 07:30"]
    rows = [["token", "event", "time"], *zip(tokens, ["sent", "sent", "sent"], times, strict=True)]
    result = import_events([write_csv(f"{CITY}__log.csv", rows)], setup, store, vault)
    assert sorted(store.read("events", CITY)["at"].astype(str)) == [
        "2024-08-05 21:00:00", "2024-08-25 10:15:00", "2024-09-10 07:30:00"
    ]  # fmt: skip
    assert "dates_month_first" in codes(result)


def test_a_log_whose_times_contradict_each_other_waits_for_a_word(tokens, write_csv, setup, store, vault):
    rows = [["token", "event", "time"], [tokens[0], "sent", "8/25/2024 10:15"], [tokens[1], "sent", "25/8/2024 10:15"]]
    result = import_events([write_csv(f"{CITY}__log.csv", rows)], setup, store, vault)
    assert [problem.what for problem in result.failed] == ["the dates of this column contradict each other"]
    assert not store.has("events", CITY)
