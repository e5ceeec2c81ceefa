"""What a file says of its own rows, and what nobody meant to send: used or named, never passed over."""

import io

import openpyxl
import pytest
import yaml
from rich.console import Console

from spi_analysis.operations.many import RoundContext, import_lists
from spi_analysis.tables.identity import link_tokens
from spi_analysis.tables.importing.events import import_events
from spi_analysis.tables.importing.file_notes import years_in, years_of
from spi_analysis.tables.importing.readers import read_sheets
from tests.tables.lists import CITY, codes, users

HEADER = ["Nama", "NIP", "Jabatan", "Unit Kerja", "No HP", "JK", "Tanggal Lahir", "TMT", "TMT Unit", "Tugas Utama"]


def person(number, **cells):
    """A civil servant who may be invited; 10 digits of the NIP are the dates, the last three the number."""
    name, nip, phone = f"Orang {chr(64 + number)}", f"198503152010011{number:03d}", f"0812000000{number:02d}"
    row = [name, nip, "Staf", "Dinas Sosial", phone, "L", "15/03/1985", "01/01/2010", "01/01/2015", "Ya"]
    return [cells.get(name, cell) for name, cell in zip(HEADER, row, strict=True)]


@pytest.fixture
def workbook(tmp_path):
    """Sheets by name, each a header and rows; ``change`` is given the book before it is saved."""

    def write(change=None, name=f"{CITY}__internal.xlsx", above=(), **sheets):
        book = openpyxl.Workbook()
        book.remove(book.active)
        for title, rows in sheets.items():
            sheet = book.create_sheet(title)
            for row in (*above, HEADER, *rows):
                sheet.append(list(row))
        if change:
            change(book)
        book.save(tmp_path / name)
        return tmp_path / name

    return write


def names(store, vault):
    """Who is in the frame, by the vault's names."""
    stored = vault.read_contacts("spi_2024", CITY, "internal")
    return sorted(stored[stored["person_id"].isin(store.read("frame", CITY)["person_id"])]["name"])


def hide(title):
    def change(book):
        book[title].sheet_state = "hidden"

    return change


def test_rows_hidden_by_a_filter_are_read_flagged_and_named_once(bring, workbook, store, vault):
    def change(book):
        for row in (3, 4):
            book["Data"].row_dimensions[row].hidden = True

    result = bring(workbook(change, Data=[person(i) for i in range(1, 6)]))
    assert names(store, vault) == [f"Orang {letter}" for letter in "ABCDE"]
    (said,) = result.problems.query("code == 'hidden_row'").itertuples()
    assert (said.sheet, said.row, said.severity) == ("Data", 3, "flagged")
    assert "2 rows" in said.reason_en
    assert "rows 3, 4" in said.reason_en
    frame = store.read("frame", CITY)
    assert frame["frame_problem"].eq("hidden_row").sum() == 2
    assert result.counts["flagged"].tolist() == [2]


def test_a_hidden_sheet_is_turned_away_counted_and_kept(bring, workbook, store, vault):
    path = workbook(hide("2023"), Data=[person(1), person(2)], **{"2023": [person(11), person(12), person(13)]})
    result = bring(path)
    assert names(store, vault) == ["Orang A", "Orang B"]
    assert result.counts[["read", "accepted", "rejected"]].to_numpy().tolist() == [[5, 2, 3]]
    (said,) = result.problems.query("severity == 'rejected'").itertuples()
    assert (said.code, said.sheet) == ("hidden_sheet", "2023")
    assert "its 3 rows" in said.reason_en
    kept = vault.read_rejected("spi_2024", CITY, "internal")
    assert sorted(kept["name"]) == ["Orang K", "Orang L", "Orang M"]
    assert set(kept["codes"]) == {"hidden_sheet"}


def test_a_visible_sheet_of_another_year_is_turned_away(bring, workbook, store, vault):
    result = bring(workbook(Data=[person(1)], Lama_2023=[person(11)]))
    assert names(store, vault) == ["Orang A"]
    assert codes(result) == ["sheet_of_another_year"]
    assert result.counts["rejected"].tolist() == [1]


def test_a_mapping_may_take_such_a_sheet(bring, workbook, store, vault, tmp_path):
    given = tmp_path / "given.yaml"
    given.write_text(yaml.safe_dump({"sheets": {"take": ["2023"]}}), encoding="utf-8")
    bring(workbook(hide("2023"), Data=[person(1)], **{"2023": [person(11)]}), mapping=given)
    assert names(store, vault) == ["Orang A", "Orang K"]


def test_a_file_whose_only_list_is_hidden_or_old_waits_for_a_word(bring, workbook, store):
    (problem,) = bring(workbook(**{"Pegawai 2022": [person(1)]})).failed
    assert problem.what == "all people of this file stand in sheets that may not be meant"
    assert problem.got == "Pegawai 2022 (another year)"
    assert not store.has("frame", CITY)


@pytest.mark.parametrize(
    ("title", "above"),
    [("Kota Bengkulu", []), ("Data", [["DAFTAR PEGAWAI PEMKOT BENGKULU"], []]), ("Kab. Probolinggo", [])],
)
def test_a_sheet_that_names_another_institution_holds_up_its_file(bring, workbook, store, title, above):
    path = workbook(above=above, **{title: [person(1)]})
    (problem,) = bring(path).failed
    assert problem.what == "the sheet names another institution than the file"
    assert (problem.expected, problem.key) == (CITY, f"sheet {title}")
    assert not store.has("frame", CITY)
    assert not bring(path, institution=CITY, source="internal").failed, "who says whose it is has looked at it"


@pytest.mark.parametrize(
    "title",
    [
        "Kota Mojokerto",
        "Kota Mojokerto Prov Jawa Timur",
        "Kota Mojokerto dan Kota Bengkulu",
        "Provinsi Jawa Timur",
        "Dinas Sosial",
    ],
)
def test_a_title_that_names_this_institution_too_or_its_province_is_no_doubt(bring, workbook, title):
    result = bring(workbook(above=[[title]], Data=[person(1)]))
    assert not result.failed
    assert codes(result) == []


def test_a_sheet_named_like_another_place_is_read_and_said(bring, workbook, store, vault):
    result = bring(workbook(Bengkulu=[person(1)]))
    assert names(store, vault) == ["Orang A"]
    assert codes(result) == ["names_another_place"]


def test_a_title_or_file_of_another_year_is_read_and_said(bring, workbook, store, vault):
    result = bring(workbook(name=f"pegawai_{CITY}.xlsx", above=[["DAFTAR PEGAWAI TAHUN 2022"]], Data=[person(1)]))
    assert names(store, vault) == ["Orang A"]
    (said,) = result.problems.itertuples()
    assert said.code == "names_another_year"
    assert "2022" in said.reason_en
    assert "2024" in said.reason_en
    assert codes(bring(workbook(name=f"pegawai_{CITY}_2022.xlsx", Data=[person(1)]))) == ["names_another_year"]
    assert codes(bring(workbook(name=f"pegawai_{CITY}_2024.xlsx", Data=[person(1)]))) == []


def test_users_of_the_last_twelve_months_may_be_of_the_year_before(bring, write_csv, setup):
    rows = [["Pengguna layanan tahun 2023"], *users(("A", "081200000011", "01/12/2023"))]
    assert "names_another_year" not in codes(bring(write_csv(f"{CITY}__eksternal.csv", rows)))
    round_ = setup.round_for(CITY)
    # Fieldwork from July to October 2024; services count for twelve months back, to July 2023.
    assert years_of(round_, "external") == {2023, 2024}
    assert years_of(round_, "internal") == {2024}


def test_years_are_whole_words():
    assert years_in("Pegawai_2023-final", "NIP 198503152010011001", "31/12/2022", "Kamar 1999") == {2023, 2022}


def test_the_value_of_merged_cells_is_that_of_all_rows_they_cover(bring, workbook, store, vault):
    def change(book):
        for area in ("D2:D4", "D5:D6"):
            book["Data"].merge_cells(area)

    units = ["Dinas Sosial", None, None, "Dinas Kesehatan", None]
    result = bring(workbook(change, Data=[person(i, **{"Unit Kerja": unit}) for i, unit in enumerate(units, 1)]))
    people = vault.read_contacts("spi_2024", CITY, "internal").merge(store.read("frame", CITY)[["person_id", "unit"]])
    assert dict(zip(people["name"], people["unit"], strict=True)) == {
        "Orang A": "Dinas Sosial",
        "Orang B": "Dinas Sosial",
        "Orang C": "Dinas Sosial",
        "Orang D": "Dinas Kesehatan",
        "Orang E": "Dinas Kesehatan",
    }
    (said,) = result.problems.itertuples()
    assert (said.code, said.column, said.row) == ("merged_cell", "Unit Kerja", 3)
    assert "3 rows" in said.reason_en


def test_rows_that_only_a_merged_cell_covers_are_nobody(bring, workbook, store):
    result = bring(workbook(lambda book: book["Data"].merge_cells("D2:D20"), Data=[person(1), person(2)]))
    assert result.counts["read"].tolist() == [2]


def test_merged_headers_and_titles_cover_nobody(bring, tmp_path, store):
    book = openpyxl.Workbook()
    sheet = book.active
    for row in (["DAFTAR PEGAWAI"], HEADER, [None] * 10, person(1), person(2)):
        sheet.append(row)
    sheet.merge_cells("A1:J1")
    for column in "ABCDEFGHIJ":
        sheet.merge_cells(f"{column}2:{column}3")
    book.save(tmp_path / f"{CITY}__internal.xlsx")
    result = bring(tmp_path / f"{CITY}__internal.xlsx")
    assert result.counts[["read", "accepted"]].to_numpy().tolist() == [[2, 2]]
    assert codes(result) == []


def test_formulas_without_a_result_are_named_once_as_the_cause(bring, workbook):
    rows = [person(i, **{"No HP": f'="0812"&"0000000{i}"', "TMT Unit": "=DATE(2023,2,1)"}) for i in (1, 2, 3)]
    result = bring(workbook(Data=[*rows, person(4, **{"TMT Unit": "=DATE(2015,1,1)"})]))
    said = result.problems[["row", "column", "code"]].to_numpy().tolist()
    assert said == [
        [2, "No HP", "formula_without_value"],
        [2, "No HP", "required_formula"],
        [2, "TMT Unit", "formula_without_value"],
    ], "not 'there is no mobile number' in every row"
    assert result.counts[["read", "accepted", "rejected", "flagged"]].to_numpy().tolist() == [[4, 1, 3, 1]]


def test_one_bad_byte_does_not_change_the_encoding_of_a_file(bring, tmp_path, store, vault):
    people = [person(i, Nama=name) for i, name in enumerate(["Siti Nur’aini", "José", "André"], 1)]
    content = (
        "\r\n".join(";".join(row) for row in (HEADER, *people)).encode("utf-8").replace("José".encode(), b"Jos\xe9")
    )
    (tmp_path / f"{CITY}__internal.csv").write_bytes(content)
    result = bring(tmp_path / f"{CITY}__internal.csv")
    assert names(store, vault) == ["André", "José", "Siti Nur’aini"]
    assert result.problems[["row", "column", "code"]].to_numpy().tolist() == [[3, "Nama", "odd_byte"]]
    assert store.read("frame", CITY)["frame_problem"].eq("odd_byte").sum() == 1


@pytest.mark.parametrize(
    ("cells", "read_as", "odd"),
    [
        ([b"Nur\x92aini", b"Jos\xe9", b"Budi"], ["Nur’aini", "José", "Budi"], []),
        ([b"Nur\x92aini", b"Jos\xe9", b"\xc3\xa9"], ["Nur’aini", "José", "é"], [3]),
        ([b"Jos\xc3\xa9", b"Andr\xe9", b"Nur\xe2\x80\x99"], ["José", "André", "Nur’"], [2]),
        ([b"Jos\xc3\xa9", b"Andr\x81", b"Nur\xe2\x80\x99"], ["José", "Andr\ufffd", "Nur’"], [2]),
        ([b"Jos\xc3\xa9\xe9", b"\xe2\x80\x99", b"x"], ["Joséé", "’", "x"], [1]),
    ],
)
def test_the_encoding_is_decided_by_the_bytes_that_fail(tmp_path, cells, read_as, odd):
    (tmp_path / "a.csv").write_bytes(b"\n".join(cells) + b"\n")
    (sheet,) = read_sheets(tmp_path / "a.csv")
    assert [row[0] for row in sheet.rows] == read_as
    assert sheet.told.odd_bytes == {(row, 0) for row in odd}


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_its_mark(tmp_path, encoding):
    (tmp_path / "a.csv").write_bytes("Nama;Unit\nJosé;x\n".encode(encoding))
    assert read_sheets(tmp_path / "a.csv")[0].rows == [("Nama", "Unit"), ("José", "x")]


def test_what_was_said_goes_back_to_the_institution_and_is_the_same_each_time(bring, workbook, setup):
    def change(book):
        book["2023"].sheet_state = "hidden"
        book["Data"].row_dimensions[3].hidden = True
        book["Data"].merge_cells("D2:D3")

    path = workbook(change, Data=[person(1), person(2), person(3)], **{"2023": [person(11)]})
    result = bring(path)
    written = setup.workspace.institution_outputs("spi_2024", CITY) / "frame_problems.xlsx"
    first = written.read_bytes()
    bring(path)
    assert written.read_bytes() == first
    for name, column in (("Masalah", "reason_id"), ("Problems", "reason_en")):
        said = [row[5] for row in openpyxl.load_workbook(written)[name].iter_rows(min_row=2, values_only=True)]
        assert said == result.problems[column].tolist()
        assert len(said) == 3


def test_lists_of_many_institutions_are_held_against_their_names_too(workbook, setup, vault, key):
    """The batch knows whose a file is by its name alone: that is no word of somebody who has looked at it."""
    files = [workbook(name=f"{code}__internal.xlsx", **{title: [person(1)]})
             for code, title in ((CITY, "Data"), ("kota-bengkulu", "Kota Mojokerto"))]  # fmt: skip
    result = import_lists(files, RoundContext(setup, key), None, None, 1, Console(file=io.StringIO()))
    assert [(problem.file, problem.got) for problem in result.failed] == [(files[1].name, CITY)]
    assert result.counts[["institution_id", "accepted"]].to_numpy().tolist() == [[CITY, 1]]


def test_lists_of_many_institutions_say_which_rules_cannot_be_checked(workbook, setup, vault, key):
    """A list without the tenure in the unit, beside another institution's: said as if it had come alone."""
    rows = [person(1, **{"TMT Unit": ""})]
    files = [workbook(name=f"{code}__internal.xlsx", Data=rows) for code in (CITY, "kota-bengkulu")]
    result = import_lists(files, RoundContext(setup, key), None, None, 1, Console(file=io.StringIO()))
    said = {(row["institution_id"], row["rule"]) for row in result.summary["unchecked"]}
    assert {(CITY, "min_unit_tenure_years"), ("kota-bengkulu", "min_unit_tenure_years")} <= said


def test_hidden_rows_of_a_log_are_read_and_named(bring, workbook, draw_everyone, setup, store, vault, tmp_path):
    bring(workbook(Data=[person(1), person(2)]))
    who = draw_everyone(CITY)["person_id"]
    tokens = link_tokens(who, "spi_2024", CITY, "internal", vault.secret("link_token"))
    book = openpyxl.Workbook()
    for row in (["token", "event", "time"], *([token, "sent", "2024-08-01 10:00"] for token in tokens)):
        book.active.append(row)
    book.active.row_dimensions[3].hidden = True
    book.save(tmp_path / f"{CITY}__log.xlsx")
    result = import_events([tmp_path / f"{CITY}__log.xlsx"], setup, store, vault)
    assert len(store.read("events", CITY)) == 2
    (said,) = result.problems.query("code == 'hidden_rows_read'").itertuples()
    assert (said.row, said.severity) == (3, "note")
    assert "1 row(s)" in said.reason_en
