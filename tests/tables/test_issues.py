import re
from pathlib import Path

import openpyxl
import pandas as pd

from spi_analysis.tables.importing import issues as findings_module
from spi_analysis.tables.importing.issues import COLUMNS, Issues, Where, reasons
from spi_analysis.tables.importing.workbook import write_problem_book

HERE = Where("kota-mojokerto", "internal", "list.xlsx", "Data", 7)
CODE_IN_TEXT = re.compile(r'"([a-z]+(?:_[a-z]+)+)"')


def test_both_languages_fill_the_same_gaps():
    for code, reason in reasons().items():
        gaps = [set(re.findall(r"\{(\w+)\}", text)) for text in (reason.id, reason.en)]
        assert {g.removesuffix("_id") for g in gaps[0]} == {g.removesuffix("_en") for g in gaps[1]}, code
        assert reason.id.endswith("."), "a sentence"
        assert reason.en.endswith("."), "a sentence"


def test_every_reason_is_used_somewhere():
    package = Path(findings_module.__file__).parent
    text = "\n".join(path.read_text(encoding="utf-8") for path in package.parent.rglob("*.py"))
    made = {f"{kind}_{what}" for kind in ("duplicate", "shared") for what in ("phone", "email", "employee_number")}
    made |= {f"{what}_{how}" for what in ("tenure", "unit_tenure") for how in ("unknown", "implausible")}
    made |= {"ineligible_tenure", "ineligible_unit_tenure", "missing_name", "missing_unit", "missing_position"}
    made |= {f"{when}_at_{what}" for when in ("started", "completed") for what in ("unreadable", "out_of_range")}
    unused = [code for code in reasons() if f'"{code}"' not in text and code not in made]
    assert not unused


def test_values_are_masked_as_they_come_in():
    found = Issues()
    found.add(HERE, "phone_too_short", "No HP", "phone", "081234")
    found.add(HERE, "missing_name", "Nama", "name", "Budi Contoh")
    found.add(HERE, "position_unknown", "Jabatan", "position", "telp 081234567890", read_as="staff")
    table = found.table()
    assert list(table.columns) == list(COLUMNS)
    assert sorted(table["value"]) == ["", "08••••", "••••"]


def test_the_workbook_is_the_same_bytes_and_safe_to_open(tmp_path):
    found = Issues()
    found.add(HERE, "unit_doubtful", "Unit", spelling='=HYPERLINK("http://x")', other="Dinas\x07 Sosial")
    found.add(HERE, "position_unknown", "=1+1", "position", "=cmd", read_as="staff")
    counts = pd.DataFrame([{"source": "internal", "file": "list.xlsx", "read": 2, "accepted": 1, "rejected": 1}])
    paths = [tmp_path / "a.xlsx", tmp_path / "b.xlsx"]
    for path in paths:
        write_problem_book(path, "Judul", ["Penjelasan."], counts, found.table())
    assert paths[0].read_bytes() == paths[1].read_bytes()
    book = openpyxl.load_workbook(paths[0])
    assert book.sheetnames == ["Ringkasan", "Masalah", "Problems"]
    assert book["Masalah"].freeze_panes == "A2"
    assert book["Masalah"]["A1"].font.bold
    assert book["Masalah"].column_dimensions["F"].width == 70
    assert all(cell.data_type != "f" for sheet in book for row in sheet for cell in row), "no formulas"
    assert [c.value for c in book["Masalah"][1]][:4] == ["Berkas", "Lembar", "Baris", "Kolom"]
    assert [c.value for c in book["Problems"][1]][:4] == ["File", "Sheet", "Row", "Column"]
