"""The plan of action: what the recommendations ask for, by whom and when, as a document and as a workbook.

The institution fills the workbook in through the year; `spi import tracker` reads it again.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import Any

import docx
from docx.document import Document
from docx.oxml.ns import qn
from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from spi_analysis.params import Language, Recommendation
from spi_analysis.reporting import Words, file_links, languages, message, without_marks, words
from spi_analysis.reporting.institution.sentences import evidence_sentence, short_name
from spi_analysis.scores import KEYS
from spi_analysis.stages import InstitutionPage
from spi_analysis.tables import write_bytes
from spi_analysis.tables.importing import filled, same_every_time, workbook_bytes

NAMES = {"id": "rencana_aksi"}
# Rows below each recommendation for what the institution adds of its own.
OWN_ACTIONS = 2
# Heading and width of each column; those after "area" are filled in.
HEADINGS = {
    "institution_id": (message("Institution code"), 16),
    "year": (message("Year"), 7),
    "recommendation": (message("Recommendation code"), 16),
    "title": (message("Recommendation"), 26),
    "evidence": (message("Evidence"), 44),
    "action": (message("Action"), 44),
    "owner": (message("Unit in charge"), 22),
    "months": (message("Months"), 8),
    "sign": (message("Sign of success"), 34),
    "area": (message("MCSP area"), 20),
    "done": (message("Done (yes/no)"), 10),
    "conforming": (message("Conforms (yes/no)"), 10),
    "validated": (message("Validated by KPK (yes/no)"), 12),
    "proof": (message("Proof: document or link"), 30),
}
FILLED_IN = ("done", "conforming", "validated", "proof")
YES_OR_NO = ("done", "conforming", "validated")
HEADING_ROW, NAMES_ROW = 4, 5
HOW_TO = message(
    "Fill in the yellow columns and add actions of your own in the rows below each recommendation. An action counts as "
    "followed up only once it conforms and KPK has validated it. Leave codes and the grey row as they are: spi import "
    "tracker reads this workbook again, and next year's report shows what became of it."
)
FACE, LINE = "Calibri", 15
_WRAPPED = Alignment(wrap_text=True, vertical="top")
_BOLD, _SMALL = Font(name=FACE, bold=True), Font(name=FACE, size=8, color="767676")
_YELLOW = PatternFill("solid", fgColor="FFF6CC")


@dataclass(frozen=True)
class Action:
    """One recommendation as a row of the plan."""

    code: str
    title: str
    evidence: str
    text: str
    owner: str
    months: int | None
    sign: str
    area: str


def planned_actions(page: InstitutionPage, say: Words) -> list[Action]:
    """The recommendations with who does them, in how many months, and how success is seen."""
    rules = {rule.code: rule for rule in page.setup.rules.rules}
    rows = page.recommendations.itertuples()
    return [_action(page, rules[row.code], evidence_sentence(page, row, rules[row.code], say), say) for row in rows]


def _action(page: InstitutionPage, rule: Recommendation, evidence: str, say: Words) -> Action:
    title, text, plan = say.pick(rule.title), say.pick(rule.text), rule.plan
    if plan is None:
        return Action(rule.code, title, evidence, text, "", None, "", "")
    area = say.pick(page.setup.rules.areas[plan.area]) if plan.area else ""
    return Action(rule.code, title, evidence, text, say.pick(plan.owner), plan.months, say.pick(plan.sign), area)


def plan_sentence(action: Action, say: Words) -> str:
    """Who carries an action out, by when, and how one sees that it worked; nothing where nobody has said so."""
    if action.months is None:
        return ""
    said = say(
        "In charge: {owner}; within {months} months. Sign of success: {sign}",
        owner=action.owner,
        months=action.months,
        sign=action.sign,
    )
    return f"{said} {say('MCSP area: {area}.', area=action.area)}" if action.area else said


def plan_links(say: Words) -> str:
    """Links to the plan of action beside the page."""
    stem = f"tables/{plan_name(say.language)}"
    files = [(f"{stem}.docx", say("Action plan as DOCX")), (f"{stem}.xlsx", say("Action plan as XLSX, to fill in"))]
    return file_links(files, say("Recommendations"))


def plan_name(language: Language) -> str:
    """Name of the plan's files in a language, without ending."""
    return NAMES.get(language, "action_plan" if language == "en" else f"action_plan_{language}")


def save_action_plan(page: InstitutionPage, folder: Path) -> list[Path]:
    """Write document and workbook in all languages; where nothing is recommended, those of an earlier run go away."""
    written = []
    for language in languages():
        say, stem = words(language), folder / plan_name(language)
        paths = [stem.with_suffix(".docx"), stem.with_suffix(".xlsx")]
        actions = planned_actions(page, say)
        if not actions:
            for path in paths:
                path.unlink(missing_ok=True)
            continue
        written += [write_bytes(paths[0], _document(page, actions, say))]
        written += [write_bytes(paths[1], workbook_bytes(_workbook(page, actions, say)))]
    return written


def _title(page: InstitutionPage, say: Words) -> str:
    return say("Action plan: {name} {year}", name=short_name(page), year=page.setup.round.year)


# The workbook: a row per action, the names of the columns for the import in a grey row below their headings.


def _workbook(page: InstitutionPage, actions: list[Action], say: Words) -> Workbook:
    book = Workbook()
    sheet = book.active
    sheet.title = say("Action plan")[:31]
    filled(sheet.cell(1, 1), _title(page, say)).font = _BOLD
    filled(sheet.cell(2, 1), say(HOW_TO)).alignment = _WRAPPED
    sheet.merge_cells(start_row=2, end_row=2, start_column=1, end_column=9)
    sheet.row_dimensions[2].height = 48
    _write_headings(sheet, say)
    rows = [row for action in actions for row in _rows(page, action)]
    for number, row in enumerate(rows, start=NAMES_ROW + 1):
        _write_row(sheet, number, row)
    _ask_yes_or_no(sheet, NAMES_ROW + 1, NAMES_ROW + len(rows), say)
    sheet.freeze_panes = sheet.cell(NAMES_ROW + 1, 1)
    sheet.page_setup.orientation, sheet.page_setup.fitToHeight = "landscape", 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    return book


def _write_headings(sheet: Worksheet, say: Words) -> None:
    for i, (name, (heading, width)) in enumerate(HEADINGS.items(), start=1):
        cell = filled(sheet.cell(HEADING_ROW, i), without_marks(say(heading)))
        cell.font, cell.alignment = _BOLD, _WRAPPED
        filled(sheet.cell(NAMES_ROW, i), name).font = _SMALL
        sheet.column_dimensions[get_column_letter(i)].width = width
    _set_height(sheet, HEADING_ROW, {name: say(heading) for name, (heading, _) in HEADINGS.items()})


def _rows(page: InstitutionPage, action: Action) -> list[dict[str, object]]:
    """The action, then rows for actions of the institution's own."""
    keys = (page.institution.institution_id, page.setup.round.year, action.code)
    own: dict[str, object] = dict(zip(KEYS, keys, strict=True)) | {"title": action.title}
    facts = {"evidence": action.evidence, "action": action.text, "owner": action.owner, "months": action.months}
    return [own | facts | {"sign": action.sign, "area": action.area}, *[own] * OWN_ACTIONS]


def _write_row(sheet: Worksheet, number: int, row: dict[str, object]) -> None:
    for i, name in enumerate(HEADINGS, start=1):
        value = row.get(name)
        cell = filled(sheet.cell(number, i), without_marks(value) if isinstance(value, str) else value)
        cell.alignment = _WRAPPED
        if name in FILLED_IN:
            cell.fill = _YELLOW
    _set_height(sheet, number, row)


def _set_height(sheet: Worksheet, number: int, row: dict[str, Any]) -> None:
    """As many lines as the longest text needs: LibreOffice leaves wrapped texts cut off at the height of one line."""
    lines = [len(wrap(str(row[name]), width - 2)) for name, (_, width) in HEADINGS.items() if row.get(name)]
    sheet.row_dimensions[number].height = LINE * max(lines, default=1)


def _ask_yes_or_no(sheet: Worksheet, first: int, last: int, say: Words) -> None:
    asked = DataValidation(type="list", formula1=f'"{say("yes")},{say("no")}"', allow_blank=True)
    for name in YES_OR_NO:
        letter = get_column_letter(list(HEADINGS).index(name) + 1)
        asked.add(f"{letter}{first}:{letter}{last}")
    sheet.add_data_validation(asked)


# The document: a heading per recommendation, its evidence, and a table to be filled in.


def _document(page: InstitutionPage, actions: list[Action], say: Words) -> bytes:
    document = docx.Document()
    _set_facts(document, _title(page, say), say.language)
    document.add_heading(_title(page, say), 0)
    for number, action in enumerate(actions, start=1):
        document.add_heading(without_marks(f"{number}. {action.title}"), 1)
        document.add_paragraph(without_marks(action.evidence)).paragraph_format.keep_with_next = True
        _add_table(document, action, say)
    document.add_paragraph()
    document.add_paragraph(without_marks(say("Decided on: ________________   Name and post: ________________")))
    content = io.BytesIO()
    document.save(content)
    return same_every_time(content.getvalue())


def _set_facts(document: Document, title: str, language: Language) -> None:
    facts = document.core_properties
    facts.title, facts.language, facts.author, facts.comments = title, language, "", ""
    run = document.styles.element.find(f".//{qn('w:rPrDefault')}/{qn('w:rPr')}")
    for mark in run.findall(qn("w:lang")):
        mark.set(qn("w:val"), language)


def _add_table(document: Document, action: Action, say: Words) -> None:
    months = "" if action.months is None else str(action.months)
    known = {"action": action.text, "owner": action.owner, "months": months, "sign": action.sign, "area": action.area}
    rows = known | dict.fromkeys(FILLED_IN, "")
    table = document.add_table(rows=len(rows), cols=2, style="Table Grid")
    for row, (name, value) in zip(table.rows, rows.items(), strict=True):
        row.cells[0].text, row.cells[1].text = without_marks(say(HEADINGS[name][0])), without_marks(value)
        row.cells[0].paragraphs[0].runs[0].bold = True
