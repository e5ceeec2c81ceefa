"""No cell of a file that leaves begins a formula, in any setting of a spreadsheet; and what was written comes back."""

import csv
import io
import re
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import spi_analysis
from spi_analysis.tables.files import write_csv, write_csv_rows
from spi_analysis.tables.neutral_texts import as_written, is_neutral, neutral

# What ends a cell in the settings of spreadsheets: here, in Indonesia and Germany, on paste.
DELIMITERS = ",;\t|"
texts = st.text(alphabet="=+-@'\",;|\t\r\n a1＝", max_size=8)


def cells(text: str, delimiter: str) -> list[str]:
    """The cells that a spreadsheet sees."""
    return [cell for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) for cell in row]


def runs(cell: str) -> bool:
    """Whether a spreadsheet computes: a formula, and not only a number or dashes.

    Where semicolons end cells our row is one cell; after a number or dashes and a comma no formula goes on.
    """
    formula = re.match(r"\s*[=+\-@＝＋－＠]", cell)
    return bool(formula) and re.fullmatch(r"[+-]?\d+([.,]\d+)*|-+", cell.partition(",")[0]) is None


@pytest.mark.parametrize(
    ("text", "expected", "rationale"),
    [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0", "the classic: a program is started"),
        ("@SUM(A1)", "'@SUM(A1)", "the sign of an older spreadsheet"),
        ("+62-812", "'+62-812", "-750 in a spreadsheet"),
        ("-1+1", "'-1+1", "computed"),
        (" =1+1", " '=1+1", "some programs skip blanks"),
        ("\t=1+1", "\t'=1+1", "a tab is skipped, or ends a cell"),
        ("＝1+1", "'＝1+1", "full width"),
        ("Dinas A;=1+1", "Dinas A;'=1+1", "where a semicolon ends the cell"),
        ('Dinas A;"=1+1"', 'Dinas A;"\'=1+1"', "and quotation marks belong to no text"),
        ("A\n=1+1", "A\n'=1+1", "where a line break ends the row"),
        ("'=1+1", "''=1+1", "an apostrophe of its own stays apart from ours"),
        ("+6281234567890", "+6281234567890", "a phone number is a number"),
        ("-7.25", "-7.25", "so is a negative one"),
        ("-3,5%", "-3,5%", "and one as Indonesian writes it"),
        ("-1.2e-07", "-1.2e-07", "and a small one"),
        ("-", "-", "a dash for nothing"),
        ("Seksi A - B (+ C)", "Seksi A - B (+ C)", "signs inside a name begin nothing"),
        ("'kutipan'", "'kutipan'", "nor does an apostrophe"),
        ("", "", "nothing"),
    ],
)
def test_what_a_spreadsheet_would_run_gets_an_apostrophe(text: str, expected: str, rationale: str) -> None:
    assert neutral(text) == expected, rationale
    assert as_written(expected) == text, rationale


@given(texts)
@example("\t'=")
@example(";\"'=")
def test_what_was_written_comes_back(text: str) -> None:
    assert as_written(neutral(text)) == text
    assert is_neutral(neutral(text))


@given(st.lists(texts, min_size=2, max_size=2), st.lists(texts, min_size=2, max_size=2))
def test_no_cell_of_a_csv_runs_wherever_it_is_opened(tmp_path_factory, units: list[str], notes: list[str]) -> None:
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    write_csv(path, pd.DataFrame({"unit": units, "estimate": [-1.5, 2.0], "note": notes}))
    text = path.read_bytes().decode("utf-8-sig")
    for delimiter in DELIMITERS:
        assert not [cell for cell in cells(text, delimiter) if runs(cell)], (text, delimiter)
    back = pd.read_csv(path, dtype={"unit": str, "note": str}, keep_default_na=False, encoding="utf-8-sig")
    assert back["estimate"].tolist() == [-1.5, 2.0], "negative numbers are numbers"


plain_values = texts | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-9, 9) | st.none()


@given(st.lists(texts, min_size=3, max_size=3), st.lists(st.lists(plain_values, min_size=3, max_size=3), max_size=4))
def test_rows_of_plain_values_give_the_bytes_of_their_table(tmp_path_factory, headings, rows) -> None:
    folder = tmp_path_factory.mktemp("csv")
    table = pd.DataFrame(rows, columns=headings, dtype=object)
    by_rows, by_table = write_csv_rows(folder / "r.csv", headings, rows), write_csv(folder / "t.csv", table)
    assert by_rows.read_bytes() == by_table.read_bytes()


def test_a_table_of_every_kind_of_column_comes_back(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {
            "=heading": ["=1+1", None, "x"],
            "kind": pd.Categorical(["@a", "@a", "b"]),
            "text": pd.array(["-a", pd.NA, "+62812"], dtype="string"),
            "mixed": pd.Series([-1, "=2", None], dtype=object),
            "minus": [-1.5, -2.0, float("nan")],
            "count": pd.array([-1, None, 3], dtype="Int64"),
        }
    )
    before = table.copy(deep=True)
    written = [line.split(",") for line in write_csv(tmp_path / "a.csv", table).read_text("utf-8-sig").splitlines()]
    assert written == [
        ["'=heading", "kind", "text", "mixed", "minus", "count"],
        ["'=1+1", "'@a", "'-a", "-1", "-1.5", "-1"],
        ["", "'@a", "", "'=2", "-2.0", ""],
        ["x", "b", "+62812", "", "", "3"],
    ]
    pd.testing.assert_frame_equal(table, before)


# Whoever writes a CSV or a workbook in another way: files as institutions and vendors send them (generated), a
# parameter file or questionnaire that programs alone read, and text that is never written. Views call the sheets' own
# method.
VIEWS = {"reporting/display.py", "reporting/sheets.py", "reporting/views.py"}
OTHER_WRITERS = {
    ".to_csv(": {"tables/files.py", "synthetic/vendor.py", "runner/forks/warm.py", *VIEWS},
    "csv.writer(": {"synthetic/lists.py", "tables/files.py"},
    "csv.DictWriter(": {"operations/national.py", "operations/workspaces.py", "tables/questionnaires.py"},
    "openpyxl.Workbook(": {"tables/importing/workbook.py", "tables/export.py", "tables/questionnaires.py"},
    "xlsxwriter.Workbook(": {"reporting/sheets.py"},
    "to_excel(": set(),
    "ExcelWriter(": {"synthetic/lists.py"},
}


@pytest.mark.parametrize(("call", "known"), OTHER_WRITERS.items(), ids=list(OTHER_WRITERS))
def test_one_mechanism_writes_what_leaves(call: str, known: set[str]) -> None:
    package = Path(spi_analysis.__file__).parent
    found = {str(p.relative_to(package)) for p in package.rglob("*.py") if call in p.read_text(encoding="utf-8")}
    assert found == known, "write files with tables.files.write_csv, workbooks with tables.importing.workbook.filled"
