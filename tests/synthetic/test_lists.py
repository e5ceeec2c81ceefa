import csv
import re

import openpyxl
import pandas as pd
import pytest
from synthetic_scoring import FIVE

from spi_analysis.synthetic import received_lists
from spi_analysis.synthetic.data_entry import HEADERS, patterns_of

WORDS = {
    "internal": {"pegawai", "internal"},
    "external": {"pengguna", "layanan", "eksternal"},
    "expert": {"narasumber", "eksper"},
}
NOTHING = {"", "-", "tidak ada", "tdk ada"}


@pytest.fixture(scope="module")
def files(cities, tmp_path_factory):
    """Paths of the three lists of every city."""
    folder = tmp_path_factory.mktemp("lists")
    return {key: dict(zip(WORDS, received_lists(city, folder, 12), strict=True)) for key, city in cities.items()}


@pytest.fixture(scope="module")
def sheets(files):
    return {(key, source): read_rows(path, key) for key, paths in files.items() for source, path in paths.items()}


def read_rows(path, institution_id):
    if path.suffix == ".csv":
        with path.open(encoding=patterns_of(institution_id).encoding, newline="") as handle:
            return list(csv.reader(handle, delimiter=";"))
    workbook = openpyxl.load_workbook(path, read_only=True)
    rows = [list(row) for row in workbook.active.iter_rows(values_only=True)]
    width = max(map(len, rows))
    return [[*row, *[None] * (width - len(row))] for row in rows]


def people_rows(rows, institution_id):
    """The numbered rows, under the names of the fields."""
    fields = {spellings[patterns_of(institution_id).style]: name for name, spellings in HEADERS.items()}
    start = next(i for i, row in enumerate(rows) if row[1] in fields)
    columns = [fields[label] for label in rows[start]]
    body = [row for row in rows[start + 1 :] if re.fullmatch(r"\d+", str(row[0] or ""))]
    return pd.DataFrame(body, columns=columns, dtype=object).rename(columns={"service_unit": "unit"})


def is_nothing(cells):
    return cells.isna() | cells.astype(str).isin(NOTHING)


def test_file_names_name_institution_and_source(files, cities):
    for key, paths in files.items():
        for source, path in paths.items():
            name = path.name.lower()
            assert key in name or cities[key].name.removeprefix("Pemerintah ").lower() in name
            found = {other for other, words in WORDS.items() if any(word in name for word in words)}
            assert found == {source}
    assert (
        len(
            {
                re.sub(r"kota|kabupaten|\W|mojo\w+|prob\w+|beng\w+|pang\w+|teb\w+", "", paths["internal"].name)
                for paths in files.values()
            }
        )
        >= 4
    )


def test_headers_differ_between_cities(sheets):
    headers = {key: tuple(people_rows(rows, key[0]).columns) for key, rows in sheets.items() if key[1] == "internal"}
    assert len(set(headers.values())) >= 2
    assert len({spelling.strip() for spelling in HEADERS["phone"]}) == len(FIVE)


def test_xlsx_have_titles_and_all_have_totals_and_a_signature(files, sheets):
    for (key, source), rows in sheets.items():
        first_cells = [str(row[0] or "") for row in rows]
        assert "TOTAL" in first_cells
        assert "JUMLAH" in first_cells
        assert any("Mengetahui," in row for row in rows)
        if files[key][source].suffix == ".xlsx":
            assert first_cells[0].startswith("DAFTAR")


@pytest.mark.parametrize("source", ["internal", "external"])
def test_share_of_rows_that_cannot_be_used(sheets, cities, source):
    """No contact (2 %), or a person once more (1.5 %): 3-4 % of the rows together, over the five cities."""
    unusable = repeats = contactless = rows_seen = 0
    for key, city in cities.items():
        table = people_rows(sheets[key, source], key)
        listed = (city.people["source"] == source).sum()
        none = is_nothing(table["phone"]) & is_nothing(table["email"])
        contactless += none.sum()
        repeats += len(table) - listed
        unusable += none.sum() + len(table) - listed
        rows_seen += len(table)
    assert 0.015 < contactless / rows_seen < 0.026
    assert 0.013 < repeats / rows_seen < 0.017
    assert 0.03 < unusable / rows_seen < 0.042


@pytest.mark.parametrize("source", ["internal", "external"])
def test_missing_cells(sheets, cities, source):
    tables = [people_rows(sheets[key, source], key) for key in cities]
    for column in ("sex", "birth", "phone", "email"):
        empty = pd.concat([table[column].isna() | (table[column].astype(str) == "") for table in tables])
        assert 0.01 < empty.mean() < 0.045, column
    units = pd.concat([is_nothing(table["unit"]) for table in tables])
    assert 0 < units.mean() < 0.005


def test_lost_rows_do_not_depend_on_answers(sheets, cities):
    """Whether a row lost its contact is independent of the person's perception (mean of the positive items)."""
    lost, kept = [], []
    for key, city in cities.items():
        table = people_rows(sheets[key, "internal"], key)
        staff = city.people[city.people["source"] == "internal"]
        by_number = dict(zip(staff["employee_number"], city.answers.loc[staff.index, "int_tra_1"], strict=True))
        numbers = table["employee_number"].astype(str).str.replace(" ", "")
        none = is_nothing(table["phone"]) & is_nothing(table["email"])
        value = numbers.map(by_number)
        lost.append(value[none & numbers.isin(by_number)])
        kept.append(value[~none & numbers.isin(by_number)])
    lost, kept = pd.concat(lost), pd.concat(kept)
    assert len(lost) > 100
    assert abs(lost.mean() - kept.mean()) < 4 * kept.std() / len(lost) ** 0.5


def test_phones_are_typed_in_a_dozen_ways(sheets, cities):
    shapes, floats = set(), 0
    for key in cities:
        for source in ("internal", "external"):
            cells = people_rows(sheets[key, source], key)["phone"]
            floats += cells.map(lambda cell: isinstance(cell, float | int) and not pd.isna(cell)).sum()
            texts = cells[cells.map(lambda cell: isinstance(cell, str))]
            shapes |= set(texts.str.replace(r"\d", "9", regex=True))
    assert len(shapes) >= 14
    assert floats > 500
    assert any(shape.startswith("O") for shape in shapes)
    assert any(" / " in shape for shape in shapes)


def test_every_typed_phone_leads_back_to_one_person(sheets, cities):
    """The digits that somebody typed are one person's number, whatever stands around them."""
    for key, city in cities.items():
        known = set(city.people["phone"].str[3:])
        cells = people_rows(sheets[key, "internal"], key)["phone"]
        for cell in cells[~is_nothing(cells)]:
            text = f"{cell:.0f}" if isinstance(cell, float | int) else str(cell).split("/")[0]
            digits = re.sub(r"\D", "", text.replace("O", "0").removesuffix(".0"))
            assert re.sub(r"^(62|0)", "", digits) in known, cell


def test_units_are_spelt_in_two_or_three_ways(sheets, cities):
    for key, city in cities.items():
        table = people_rows(sheets[key, "internal"], key)
        names = set(city.people.loc[city.people["source"] == "internal", "unit"])
        asis = table["unit"].isin(names).mean()
        assert 0.72 < asis < 0.9
        assert (table["unit"].dropna() == table["unit"].dropna().str.upper()).mean() > 0.05
    odd = set(people_rows(sheets["kota-mojokerto", "internal"], "kota-mojokerto")["unit"].dropna())
    assert {"Din. Kesehatan", "DINAS KESEHATAN"} <= odd


def test_emails_stay_under_reserved_domains(sheets, cities):
    for key in cities:
        for source in ("internal", "external", "expert"):
            cells = people_rows(sheets[key, source], key)["email"]
            typed = cells[~is_nothing(cells)].astype(str).str.replace(" ", "").str.replace(",", ".").str.lower()
            assert set(typed.str.partition("@")[2]) <= {"example.com", "example.org", "example.net"}


def test_experts_lose_no_row(sheets, cities):
    for key, city in cities.items():
        table = people_rows(sheets[key, "expert"], key)
        assert len(table) == (city.people["source"] == "expert").sum()
        assert not (is_nothing(table["phone"]) | is_nothing(table["email"])).any()


def test_tenures_in_words_are_rounded_down(sheets, cities):
    table = people_rows(sheets["kota-bengkulu", "internal"], "kota-bengkulu")
    staff = cities["kota-bengkulu"].people
    staff = staff[(staff["source"] == "internal") & staff["employee_number"].notna()]
    years = dict(
        zip(
            staff["employee_number"],
            (pd.Timestamp(cities["kota-bengkulu"].reference_date) - staff["start_date"]).dt.days / 365.25,
            strict=True,
        )
    )
    numbers = table["employee_number"].astype(str).str.replace(" ", "")
    for number, cell in zip(numbers, table["start"], strict=True):
        if number in years:
            assert int(str(cell).split()[0]) == int(years[number])
    assert table["start"].astype(str).str.contains("thn").any()
    assert table["start"].astype(str).str.contains("tahun").any()


def test_same_seed_same_bytes(cities, tmp_path):
    city = cities["kota-pangkalpinang"]
    first, second = (received_lists(city, tmp_path / name, 12) for name in ("a", "b"))
    other = received_lists(city, tmp_path / "c", 13)
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert all(a.read_bytes() != b.read_bytes() for a, b in zip(first, other, strict=True))
    assert [path.name for path in first] == [path.name for path in other]
