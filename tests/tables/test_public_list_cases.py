"""Lists behind public bug reports, brought in whole: who is stored, and what is said.

The expected values are read off the files by hand, with the meaning that each case's README gives.
"""

import re
import shutil
from pathlib import Path

import pytest

from spi_analysis.tables.importing.frame import import_frame
from tests.conftest import reference_folder
from tests.tables.cases import case
from tests.tables.lists import CITY, codes


@pytest.fixture
def brought(setup, store, vault, tmp_path):
    """Import a case's list; the people of the frame by phone, and what came of the import."""

    def brought(folder, name, source="internal"):
        path = shutil.copy(case(folder, name), tmp_path / name)
        result = import_frame([path], setup, store, vault, institution=CITY, source=source)
        if result.failed:
            return None, result
        (counts,) = result.counts[["read", "accepted", "rejected"]].to_numpy().tolist()
        assert counts[0] == counts[1] + counts[2], "nothing is lost"
        contacts = vault.read_contacts("spi_2024", CITY, source)[
            ["person_id", "name", "employee_number", "phone", "tenure_years", "unit_tenure_years"]
        ]
        people = store.read("frame", CITY).merge(contacts, on="person_id", validate="1:1").sort_values("phone")
        return people.astype(object).where(people.notna(), None), result

    return brought


def test_numbers_that_went_through_a_figure_leave_people_apart(brought):
    people, result = brought("01-nip-through-a-float", f"{CITY}__internal.csv")
    assert people["name"].tolist() == ["Andi Contoh", "Bunga Contoh", "Citra Contoh", "Dewi Contoh"]
    assert people["phone"].tolist() == [f"+628120000000{i}" for i in range(1, 5)]
    assert people["employee_number"].tolist() == [None] * 4
    assert people["person_id"].is_unique
    assert people["frame_status"].eq("flagged").all()
    (said,) = result.problems.itertuples()
    assert (said.code, said.column, said.row) == ("employee_numbers_rounded", "NIP", 2)
    assert "in 4 rows" in said.reason_en


@pytest.mark.parametrize("kind", ["", "general__", "true__"])
def test_days_from_1904(brought, kind):
    people, result = brought("02-date-1904", f"{kind}{CITY}__internal.xlsx")
    # TMT Unit is 3 November 2023, eight months before 29 July 2024; TMT is 1 January 2010.
    assert people["unit_tenure_years"].tolist() == [0.67, 0.67]
    assert people["tenure_years"].tolist() == [14.5, 14.5]
    assert people["is_eligible"].tolist() == [False, False]
    assert codes(result, code="dates_from_1904") == ["dates_from_1904"] * (2 if kind == "general__" else 0)


def test_merged_units(brought):
    people, result = brought("03-merged-unit-cells", f"{CITY}__internal.xlsx")
    assert people["unit"].tolist() == ["Dinas Sosial"] * 3 + ["Dinas Kesehatan"] * 2
    assert people["name"].tolist() == [f"Orang Contoh {letter}" for letter in "ABCDE"]
    assert codes(result) == ["merged_cell"]


def test_hidden_rows_and_a_hidden_sheet(brought):
    people, result = brought("04-hidden-rows-and-sheets", f"{CITY}__internal.xlsx")
    assert people["name"].tolist() == [f"Orang Contoh {letter}" for letter in "ABCDE"], "no retired K, L and M"
    assert people["frame_problem"].tolist() == [None, "hidden_row", "hidden_row", None, None]
    assert result.counts[["read", "accepted", "rejected"]].to_numpy().tolist() == [[8, 5, 3]]
    said = result.problems.set_index("code")
    assert '"2023" is hidden; its 3 rows' in said.at["hidden_sheet", "reason_en"]
    assert "2 rows are hidden" in said.at["hidden_row", "reason_en"]


def test_month_first(brought):
    people, result = brought("05-month-first-dates", f"{CITY}__internal.csv")
    # 25 and 3 November 2023: 8 months; 9 August: 11 (the day not reached); 2 October: 9.
    assert people["unit_tenure_years"].tolist() == [0.67, 0.67, 0.92, 0.75]
    # 25 December, 31 January and 28 February 2010, 15 March 2011: 163, 173, 173 and 160 months.
    assert people["tenure_years"].tolist() == [13.58, 14.42, 14.42, 13.33]
    assert people["age_group"].tolist() == ["30-39"] * 4, "15/03/1985 has the day first, in a column of its own"
    assert not people["is_eligible"].any(), "nobody has a year in the unit"
    assert result.problems.query("code == 'dates_month_first'")["column"].tolist() == ["TMT", "TMT Unit"]


@pytest.mark.parametrize("kind", ["", "xlsxwriter__"])
def test_formulas_without_values(brought, kind):
    people, result = brought("09-formulas-without-values", f"{kind}{CITY}__internal.xlsx")
    assert len(people) == 0
    assert result.problems[["column", "code"]].to_numpy().tolist() == [
        ["No HP", "formula_without_value"],
        ["No HP", "required_formula"],
        ["TMT Unit", "formula_without_value"],
    ]


@pytest.mark.parametrize("kind", ["", "badfilter__", "definedname__", "strict__"])
@pytest.mark.filterwarnings("error")
def test_workbooks_of_other_programs(brought, kind):
    people, result = brought("10-workbooks-of-other-programs", f"{kind}{CITY}__internal.xlsx")
    assert people["name"].tolist() == ["Orang Contoh A", "Orang Contoh B"]
    assert people["employee_number"].tolist() == ["198503152010010001", "198503152010010002"]
    assert people["unit_tenure_years"].tolist() == [9.5, 9.5]
    assert codes(result) == []


@pytest.mark.parametrize(
    ("ending", "second", "said"),
    [
        ("cp1252.csv", "José Contoh", []),
        ("cr-only.csv", "José Contoh", []),
        ("excel-text-trick.csv", "José Contoh", []),
        ("utf16-excel-unicode-text.txt", "José Contoh", []),
        ("utf16le-without-bom.csv", "José Contoh", []),
        ("utf8-bom-sep.csv", "José Contoh", []),
        ("utf8-bom-twice.csv", "José Contoh", []),
        ("utf8-one-bad-byte.csv", "Joséé Contoh", ["odd_byte"]),
    ],
)
def test_encodings(brought, ending, second, said):
    people, result = brought("12-encodings-of-csv", f"{CITY}__internal__{ending}")
    assert people["name"].tolist() == ["Siti Nur’aini Contoh", second]
    assert codes(result) == said
    assert people["frame_problem"].tolist() == [None, *(said or [None])]


def test_names_that_mean_nothing(brought):
    people, result = brought("14-names-that-mean-nothing", f"{CITY}__internal.csv")
    assert people["name"].tolist() == [
        "Nan", "Null Contoh", "Na", "Total Contoh", "Jumlah", "Sumber Data Contoh", "Nihil"
    ]  # fmt: skip
    assert result.problems.query("code == 'missing_name'")["row"].tolist() == [5], "X is nobody's name"
    assert result.problems.query("code == 'name_perhaps_nothing'")["row"].tolist() == [2, 4, 9]


def test_commas_inside_cells_between_semicolons(brought):
    people, _ = brought("07-semicolons-and-commas", f"{CITY}__eksternal.csv", "external")
    assert people["name"].tolist() == [f"Dr. H. Contoh {letter}, S.Sos., M.Si., M.H." for letter in "ABCDE"]
    assert people["unit"].unique().tolist() == ["Dinas Pekerjaan Umum, Penataan Ruang, Perumahan"]
    assert people["phone"].tolist() == [f"+62812000001{i:02}" for i in range(5)]


@pytest.mark.parametrize(
    "name",
    [
        f"{CITY}__internal.ods",
        f"{CITY}__internal.xls",
        f"renamed__{CITY}__internal.xlsx",
        f"xlsx-named__{CITY}__internal.csv",
    ],
)
def test_other_kinds_of_files_and_files_under_another_name(brought, name):
    people, _ = brought("11-other-kinds-of-files", name)
    assert people["name"].tolist() == ["Orang Contoh A", "Orang Contoh B"]
    assert people["employee_number"].tolist() == ["198503152010010001", "198503152010010002"]
    assert people["phone"].tolist() == ["+6281200000001", "+6281200000002"]
    assert people["unit_tenure_years"].tolist() == [9.5, 9.5], "1 January 2015 to 29 July 2024"


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        (f"html__{CITY}__internal.csv", "a web page"),
        (f"html__{CITY}__internal.xlsx", "a web page"),
        (f"{CITY}__internal.zip", "a packed folder"),
        (f"password__{CITY}__internal.xlsx", "a file with a password"),
    ],
)
def test_what_cannot_be_read_names_the_cause(brought, name, cause):
    _, result = brought("11-other-kinds-of-files", name)
    (problem,) = result.failed
    assert cause in problem.got
    assert problem.hint


def test_invisible_characters(brought):
    people, _ = brought("17-invisible-characters", f"{CITY}__internal.xlsx")
    assert people["name"].tolist() == [f"Orang Contoh {letter}" for letter in "ABC"]
    assert people["phone"].tolist() == [f"+628120000000{i}" for i in (1, 2, 3)]
    assert people["employee_number"].tolist() == ["198503152010011001", "198503152010010002", "198503152010010003"]
    assert people["unit_tenure_years"].tolist() == [9.5, 0.67, 9.5]


def test_every_file_of_a_case_has_its_test():
    """A file is tested where its name, or each of its own parts, ends a text in a module that names its folder."""
    tests = [path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py")]
    files = [path for path in (reference_folder() / "cases").glob("*/*") if path.name != "README.md"]
    missing = [
        str(path) for path in files if not any(path.parent.name in text and _named(path.name, text) for text in tests)
    ]
    assert missing == []


def _named(name: str, text: str) -> bool:
    parts = [part for part in re.split(rf"{CITY}__internal(?:__)?", name) if part]
    return f'{name.replace(CITY, "{CITY}")}"' in text or all(f'{part}"' in text for part in parts)
