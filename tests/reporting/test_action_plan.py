"""The plan of action: what stands in it, the same bytes every time, filled in, imported, and counted."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import docx
import openpyxl
import pytest

from spi_analysis.errors import InputError
from spi_analysis.operations.publication import LINKED, all_problems
from spi_analysis.reporting.institution import recommendations_view, save_action_plan
from spi_analysis.scores import follow_up
from spi_analysis.stages import InstitutionPage, load_tracker
from tests.stages.town import TOWN

OFFICE = shutil.which("soffice")
# A part of LibreOffice of its own: a machine may have the spreadsheets alone.
WRITER = OFFICE and (Path(OFFICE).resolve().parent / "libswlo.so").exists()
FIRST = 6


@pytest.fixture(scope="module")
def folder(page: InstitutionPage, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("plan")
    save_action_plan(page, made)
    return made


def columns(sheet) -> dict[str, int]:
    return {cell.value: cell.column for cell in sheet[5] if cell.value}


def fill(path: Path, target: Path, answers: dict[int, dict[str, object]]) -> Path:
    """The workbook with answers by row, as an institution types them."""
    book = openpyxl.load_workbook(path)
    sheet = book.active
    place = columns(sheet)
    for row, cells in answers.items():
        for name, value in cells.items():
            sheet.cell(row, place[name]).value = value
    book.save(target)
    return target


def test_every_recommendation_has_its_row_with_unit_time_and_sign(page: InstitutionPage, folder: Path) -> None:
    sheet = openpyxl.load_workbook(folder / "rencana_aksi.xlsx").active
    place = columns(sheet)
    rules = {rule.code: rule for rule in page.setup.rules.rules}
    codes = list(page.recommendations["code"])
    assert codes, "random answers score about 50, below every threshold"
    for number, code in enumerate(codes):
        row = {name: sheet.cell(FIRST + 3 * number, column).value for name, column in place.items()}
        rule = rules[code]
        assert (row["institution_id"], row["year"], row["recommendation"]) == (TOWN, 2024, code)
        assert (row["action"], row["months"]) == (rule.text.id, rule.plan.months)
        assert (row["owner"], row["sign"]) == (rule.plan.owner.id, rule.plan.sign.id)
        assert row["area"] == page.setup.rules.areas[rule.plan.area].id
        assert "n = " in row["evidence"]
    written = "\n".join(docx.Document(str(folder / "action_plan.docx")).element.itertext())
    assert all(rules[code].title.en in written and rules[code].plan.sign.en in written for code in codes)


def test_a_row_of_the_workbook_is_as_high_as_its_longest_text(folder: Path) -> None:
    """44 letters to a line of the evidence, about 15 points to a line: nothing is cut off or lies on the next row."""
    sheet = openpyxl.load_workbook(folder / "rencana_aksi.xlsx").active
    letters = len(sheet.cell(FIRST, columns(sheet)["evidence"]).value)
    assert letters > 100
    assert sheet.row_dimensions[FIRST].height >= 15 * letters / 44
    assert sheet.row_dimensions[FIRST + 1].height >= 15


def test_the_page_says_who_does_it_and_links_the_files(page: InstitutionPage) -> None:
    html = recommendations_view(page).to_html("id")
    plan = next(rule.plan for rule in page.setup.rules.rules if rule.code == page.recommendations["code"].iloc[0])
    assert f"{plan.months} bulan" in html
    assert plan.sign.id in html
    assert 'href="tables/rencana_aksi.xlsx"' in html
    assert 'href="tables/action_plan.docx"' in recommendations_view(page).to_html("en")


def test_the_same_page_gives_the_same_bytes(page: InstitutionPage, folder: Path, tmp_path: Path) -> None:
    for path in save_action_plan(page, tmp_path):
        assert path.read_bytes() == (folder / path.name).read_bytes()
        assert b"python-docx" not in path.read_bytes()


def test_without_recommendations_no_plan_of_an_earlier_run_stays(page: InstitutionPage, tmp_path: Path) -> None:
    save_action_plan(page, tmp_path)
    assert save_action_plan(replace(page, recommendations=page.recommendations.head(0)), tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_the_files_may_leave_the_house_and_one_with_a_number_of_a_person_may_not(folder: Path, tmp_path: Path) -> None:
    html = '<a href="tables/rencana_aksi.docx"></a><meta property="og:image" content="tables/card.id.png">'
    assert LINKED.findall(html) == ["tables/rencana_aksi.docx", "tables/card.id.png"]
    files = [(path.name, path.read_bytes()) for path in sorted(folder.iterdir())]
    assert len(files) == 4
    assert all_problems(files) == []
    document = docx.Document(str(folder / "rencana_aksi.docx"))
    document.add_paragraph("0812 3456 7890")
    document.save(str(tmp_path / "told.docx"))
    assert "a phone number" in all_problems([("told.docx", (tmp_path / "told.docx").read_bytes())])[0].what


ANSWERS = {
    6: {"done": "Ya", "conforming": "ya", "validated": "ya"},
    7: {"action": "Bentuk tim", "done": "yes", "conforming": "ya", "validated": "tidak"},
    8: {"action": "Latih tim", "done": "belum"},
    9: {"done": "tidak"},
}


def test_follow_up_of_a_filled_plan_is_the_count_by_hand(folder: Path, tmp_path: Path) -> None:
    """First recommendation: 3 actions, 2 done, 2 conform, 1 validated; the others 1 action each, none done."""
    table = load_tracker(fill(folder / "rencana_aksi.xlsx", tmp_path / "filled.xlsx", ANSWERS), [TOWN])
    others = len(table) - 1
    first = table[table["total"] == 3].iloc[0]
    assert first[["status", "done", "conforming", "validated"]].tolist() == ["in_progress", 2, 2, 1]
    assert first["tlp"] == pytest.approx(100 / 3)
    year = follow_up(table).iloc[0]
    assert year[["year", "done", "total", "validated"]].tolist() == [2024, 2, 3 + others, 1]
    assert year["tlp"] == pytest.approx(100 / (3 + others))


def test_what_nobody_has_checked_is_not_known(folder: Path, tmp_path: Path) -> None:
    done = {6: {"done": "ya"}, 7: {"action": "Bentuk tim", "done": "ya", "conforming": "tidak"}}
    table = load_tracker(fill(folder / "rencana_aksi.xlsx", tmp_path / "filled.xlsx", done), [TOWN])
    assert table.loc[table["total"] == 2, ["conforming", "validated", "tlp"]].isna().all(axis=None)
    assert table.loc[table["total"] == 1, "tlp"].eq(0).all(), "what is not done needs no check"


@pytest.mark.parametrize(
    ("answers", "parts"),
    [
        ({6: {"done": "mungkin"}}, ["not a yes or no", "row 6", "mungkin"]),
        ({6: {"done": "tidak", "conforming": "ya"}}, ["conforming without being done"]),
        ({6: {"done": "ya", "validated": "ya"}}, ["validated without being conforming"]),
        ({6: {"institution_id": "kota-lain"}}, ["not a known institution id"]),
    ],
)
def test_wrong_answers_are_told_with_their_row(folder: Path, tmp_path: Path, answers: dict, parts: list[str]) -> None:
    path = fill(folder / "rencana_aksi.xlsx", tmp_path / "filled.xlsx", answers)
    with pytest.raises(InputError) as caught:
        load_tracker(path, [TOWN])
    assert all(part in str(caught.value) for part in parts), str(caught.value)


def test_a_workbook_that_is_no_plan_is_refused(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active["A1"] = "x"
    book.save(tmp_path / "other.xlsx")
    with pytest.raises(InputError, match="no plan of action"):
        load_tracker(tmp_path / "other.xlsx", [TOWN])


@pytest.mark.long
@pytest.mark.skipif(not WRITER, reason="no LibreOffice Writer here: apt-get install libreoffice-writer-nogui")
def test_both_files_open_in_libreoffice_and_come_back(folder: Path, tmp_path: Path) -> None:
    """Converted to PDF; the workbook, saved again by LibreOffice, is imported with the same counts."""
    filled = fill(folder / "rencana_aksi.xlsx", tmp_path / "filled.xlsx", ANSWERS)
    command = [OFFICE, f"-env:UserInstallation=file://{tmp_path}/profile", "--headless", "--convert-to"]
    for ending, path in (("pdf", filled), ("pdf", folder / "rencana_aksi.docx"), ("ods", filled)):
        subprocess.run([*command, ending, "--outdir", tmp_path, path], check=True, capture_output=True, timeout=300)
    for name in ("filled.pdf", "rencana_aksi.pdf"):
        assert (tmp_path / name).read_bytes().startswith(b"%PDF")
    again = load_tracker(tmp_path / "filled.ods", [TOWN])
    assert again.equals(load_tracker(filled, [TOWN]))
