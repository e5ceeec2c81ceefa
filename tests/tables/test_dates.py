import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spi_analysis.tables.cells.dates import read_date, read_time, read_years, whole_months

REFERENCE = dt.date(2024, 7, 29)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("1 Januari 2019", "2019-01-01"),
        ("1 januari 2019", "2019-01-01"),
        ("Senin, 1 Pebruari 2021", "2021-02-01"),
        ("17 Agustus 1985", "1985-08-17"),
        ("17 Agt 85", "1985-08-17"),
        ("17-Agu-1985", "1985-08-17"),
        ("1 Nopember 1999", "1999-11-01"),
        ("3 May 2020", "2020-05-03"),
        ("01/03/2018", "2018-03-01"),
        ("1-3-2018", "2018-03-01"),
        ("01.03.18", "2018-03-01"),
        ("01/03/75", "1975-03-01"),
        ("2018-03-01", "2018-03-01"),
        ("2018-03-01 00:00:00", "2018-03-01"),
        ("20180301", "2018-03-01"),
        ("TMT 01-03-2018", "2018-03-01"),
        (43160, "2018-03-01"),
        ("43160", "2018-03-01"),
        (43160.0, "2018-03-01"),
        (dt.datetime(2018, 3, 1, 8, 30), "2018-03-01"),
        (dt.date(2018, 3, 1), "2018-03-01"),
        ("Mei 2020", "2020-05-01"),
        ("03/2019", "2019-03-01"),
        (2019, "2019-01-01"),
    ],
)
def test_dates_as_indonesians_write_them(cell, expected):
    assert read_date(cell, REFERENCE).value == dt.date.fromisoformat(expected)


@pytest.mark.parametrize(
    "cell", ["31/02/2018", "03/25/2018", "kemarin", "12345678901", "5", "1 Foo 2019", "2018-13-01"]
)
def test_what_is_no_date_says_so(cell):
    assert read_date(cell, REFERENCE) == (None, "date_unreadable")


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("2024-07-29T10:15:00", "2024-07-29 10:15:00"),
        ("2024-07-29T03:15:00Z", "2024-07-29 10:15:00"),
        ("2024-07-29 10:15:22+07:00", "2024-07-29 10:15:22"),
        ("29/07/2024 10:15", "2024-07-29 10:15:00"),
        ("29 Juli 2024 pukul 10.15 WIB", "2024-07-29 10:15:00"),
        ("29 Juli 2024 12.15 WIT", "2024-07-29 10:15:00"),
        ("29/07/2024 3:05 PM", "2024-07-29 15:05:00"),
        ("29/07/2024 12:05 AM", "2024-07-29 00:05:00"),
        (45502.5, "2024-07-29 12:00:00"),
        ("45502.5", "2024-07-29 12:00:00"),
        ("2024-07-29", "2024-07-29 00:00:00"),
        (dt.datetime(2024, 7, 29, 10, 15), "2024-07-29 10:15:00"),
    ],
)
def test_times_come_out_on_one_clock(cell, expected):
    assert read_time(cell, "Asia/Jakarta", REFERENCE).value == dt.datetime.fromisoformat(expected)


@pytest.mark.parametrize("cell", ["29/07/2024 25:00", "besok 10:15", "x"])
def test_what_is_no_time_says_so(cell):
    assert read_time(cell, "Asia/Jakarta", REFERENCE).problem == "date_unreadable"


@pytest.mark.parametrize(
    ("cell", "years"),
    [
        ("5", 5),
        (5, 5),
        (5.5, 5.5),
        ("5,5", 5.5),
        ("5 tahun", 5),
        ("5th", 5),
        ("5 thn 3 bln", 5.25),
        ("5 tahun, 3 bulan", 5.25),
        ("5 Tahun dan 6 Bulan", 5.5),
        ("5T 3B", 5.25),
        ("2 tahun 3 bulan 4 hari", 2.25),
        ("6 bulan", 0.5),
        ("0", 0),
    ],
)
def test_spans_of_years(cell, years):
    assert read_years(cell).value == years


@pytest.mark.parametrize("cell", [">5", "lama", "", "tahun", dt.datetime(2024, 3, 5), True])
def test_what_is_no_span_says_so(cell):
    assert read_years(cell) == (None, "years_unreadable"), "Excel makes 5 March of '5-3'; that is no tenure"


def test_two_years_are_two_years_to_the_day():
    assert whole_months(dt.date(2022, 7, 29), REFERENCE) == 24
    assert whole_months(dt.date(2022, 7, 30), REFERENCE) == 23, "one day short of two years"


@given(st.dates(dt.date(1931, 1, 1), dt.date(2024, 7, 29)))
def test_all_spellings_of_a_day_are_that_day(day):
    for spelling in (day.isoformat(), f"{day:%d/%m/%Y}", f"{day:%d-%m-%Y}", dt.datetime.combine(day, dt.time())):
        assert read_date(spelling, REFERENCE).value == day


@pytest.mark.parametrize(
    "cell",
    [
        "9999-12-31T23:59:59Z",
        "0001-01-01T00:00:00+14:00",
        "2024-08-01 10:00 +25:00",
        "2024-08-01 10:00 +99:99",
        dt.datetime(9999, 12, 31, 23, 59, tzinfo=dt.UTC),
        "31/12/9999",
    ],
)
def test_impossible_times_are_out_of_range(cell):
    assert read_time(cell, "Asia/Jakarta", REFERENCE) == (None, "time_out_of_range")


@pytest.mark.parametrize("cell", ["12/03/0024", "12/03/1600", "31/12/9999", dt.date(9999, 12, 31), "9" * 5000])
def test_impossible_dates_are_no_dates(cell):
    assert read_date(cell, REFERENCE).value is None
