"""From an executed notebook to a page, once per language."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import Literal

from babel import Locale
from nbconvert.exporters.templateexporter import TemplateExporter
from nbformat import NotebookNode

from spi_analysis import __version__
from spi_analysis.errors import NotebookError
from spi_analysis.params import Language, RoundSetup
from spi_analysis.reporting.display import MIME
from spi_analysis.reporting.sheets import Sheet, file_names, shown_sheets
from spi_analysis.reporting.tables import file_links
from spi_analysis.reporting.translations import speak_of, untranslated, with_marks
from spi_analysis.reporting.views import files_slot
from spi_analysis.reporting.wording import Words, message, words
from spi_analysis.tables import has_published

TEMPLATES = Path(__file__).parent / "templates"
LANGUAGE_NAMES: dict[Language, str] = {"id": "Bahasa Indonesia", "en": "English"}
# Pages of an institution, as the batch names them; the words are those of the notebooks' titles.
INSTITUTION_PAGES = (
    ("report.{language}.html", message("Integrity report")),
    ("10_sampling_design.{language}.html", message("Sampling design")),
    ("20_fieldwork_progress.{language}.html", message("Fieldwork progress")),
    ("30_nonresponse_weighting.{language}.html", message("Nonresponse and weights")),
    ("40_score_analysis.{language}.html", message("Scores")),
)
OVERVIEW_PAGE, METHOD_CHECKS_PAGE = "index.{language}.html", "method_checks/index.{language}.html"
METHOD_CHECKS = message("Method checks")
# There only after `spi simulate`.
DESIGNS_PAGE = ("15_design_simulator.{language}.html", message("Design simulator"))
_HEADING = re.compile(r"\A\s*(#{1,2}) +(.+?)\s*(?:\n|\Z)")


@dataclass(frozen=True)
class Page:
    """What the template needs to know beside the notebook."""

    language: Language
    kind: Literal["report", "analyst"]
    institution_id: str
    round_id: str
    round_title: str
    subtitle: str
    status: str
    status_text: str
    synthetic: bool
    footer: str
    others: list[dict[str, str]]
    pages: list[dict[str, str | bool]]
    title: str = ""
    contents: list[dict[str, str]] = field(default_factory=list)
    fallback_note: str = ""
    css: str = ""

    @property
    def words(self) -> Words:
        """Words of the page's language."""
        return words(self.language)


def render(
    notebook: NotebookNode,
    setup: RoundSetup,
    institution_id: str,
    language: Language,
    *,
    kind: Literal["report", "analyst"],
    synthetic: bool,
    file_name: str,
    files: str = "tables",
) -> str:
    """The HTML of an executed notebook in one language.

    Parameters
    ----------
    institution_id : code, or "" for a page about all institutions
    file_name : name of the page with ``{language}`` in it; the other languages are linked under it
    files : folder beside the page with its tables as files
    """
    if _has_error(notebook):
        raise NotebookError("the notebook holds an error, so no page is made from it", key=institution_id)
    speak_of(setup)
    say = words(language)
    content, title, contents = _in_language(notebook, say, files)
    is_checks = title == say(METHOD_CHECKS)
    round_ = setup.round
    page = Page(
        language=language,
        kind=kind,
        institution_id=institution_id,
        round_id=round_.round_id,
        round_title=say.pick(round_.title),
        subtitle=setup.roster[institution_id].name
        if institution_id
        else say("{n} institutions of this round", n=len(setup.institution_ids)),
        status=round_.report_status,
        status_text=say("Draft") if round_.report_status == "draft" else say("Final"),
        synthetic=synthetic,
        footer=say(
            "Made with the SPI workbench {version} from round {round}.", version=__version__, round=round_.round_id
        ),
        others=[
            {"href": file_name.format(language=other), "language": other, "label": language_name(other)}
            for other in round_.languages
            if other != language
        ],
        pages=_other_pages(setup, institution_id, is_checks, file_name, say),
        title=title,
        contents=contents,
        fallback_note=_fallback_note(setup, say),
        css=(TEMPLATES / "spi" / "style.css").read_text(encoding="utf-8"),
    )
    exporter = _exporter()
    exporter.environment.globals["page"] = page
    html, _ = exporter.from_notebook_node(content)
    return with_marks(str(html))


def language_name(language: Language) -> str:
    """What a language calls itself."""
    own = Locale.parse(language).get_language_name(language) or language
    return LANGUAGE_NAMES.get(language) or own.capitalize()


def _fallback_note(setup: RoundSetup, say: Words) -> str:
    """How many texts are English for want of others; "" where none is."""
    missing, texts = untranslated(setup, say.language)
    if not missing:
        return ""
    return say(
        "{n} of {m} texts are not translated yet; they stand here in English.",
        n=say.number(missing, 0),
        m=say.number(texts, 0),
    )


def _other_pages(
    setup: RoundSetup, institution_id: str, is_checks: bool, file_name: str, say: Words
) -> list[dict[str, str | bool]]:
    """Links from this page to the others of the round, relative; the page's own entry is marked."""
    round_id, language = setup.round.round_id, say.language
    overview = {True: f"../{round_id}/", False: "../" if institution_id else ""}[is_checks] + OVERVIEW_PAGE
    own = {"overview": not institution_id and not is_checks, "checks": is_checks}
    entries: list[tuple[str, str, bool]] = []
    if has_published(setup.workspace):
        entries.append((overview, say("Overview"), own["overview"]))
    if institution_id:
        entries += [(name, say(title), name == file_name) for name, title in INSTITUTION_PAGES]
        name, title = DESIGNS_PAGE
        folder = setup.workspace.institution_outputs(round_id, institution_id)
        if name == file_name or (folder / name.format(language=language)).exists():
            entries.append((name, say(title), name == file_name))
    # The checks are no part of a round: they are there only after `spi coverage`.
    if is_checks or (setup.workspace.outputs / METHOD_CHECKS_PAGE.format(language=language)).exists():
        up = "../../" if institution_id else "../"
        entries.append((up + METHOD_CHECKS_PAGE, say(METHOD_CHECKS), is_checks))
    return [{"href": href.format(language=language), "title": title, "own": mine} for href, title, mine in entries]


class _PageExporter(TemplateExporter):
    """nbconvert with our template alone; its own HTML exporter would parse and rewrite the whole page once more."""

    file_extension = ".html"
    output_mimetype = "text/html"


@cache
def _exporter() -> _PageExporter:
    # The usual preprocessors do nothing here, but the notebook would be checked again after each of them.
    return _PageExporter(template_name="spi", extra_template_basedirs=[str(TEMPLATES)], default_preprocessors=[])


def warm_exporter() -> None:
    """Read the template once, so that the first page costs no more than the others."""
    _ = _exporter().template


def _in_language(notebook: NotebookNode, say: Words, files: str) -> tuple[NotebookNode, str, list[dict[str, str]]]:
    """A copy with prose and outputs in one language, the page's title, and its contents."""
    copy = notebook.copy()
    cells, title, contents = [], "", []
    for cell in _without_orphans(_without_defaults(notebook)):
        cell = cell.copy()
        if cell.cell_type == "markdown":
            level, heading, body = _split_heading(cell.source)
            heading = say(heading)
            if level == 1:
                title = heading
            if level == 2:
                contents.append({"id": slug(heading), "title": heading})
            cell.metadata = NotebookNode(spi={"level": level, "title": heading, "id": slug(heading)})
            cell.source = "\n\n".join(say(paragraph) for paragraph in body.split("\n\n") if paragraph.strip())
        elif cell.cell_type == "code":
            cell.outputs = [_output_in_language(output, say, files) for output in cell.outputs]
        cells.append(cell)
    copy.cells = cells
    return copy, title, contents


def _without_defaults(notebook: NotebookNode) -> list[NotebookNode]:
    """All cells but the default parameters, where others were injected: they name another institution."""
    injected = any("injected-parameters" in cell.metadata.get("tags", []) for cell in notebook.cells)
    return [c for c in notebook.cells if not (injected and "parameters" in c.metadata.get("tags", []))]


def _without_orphans(cells: list[NotebookNode]) -> list[NotebookNode]:
    """All cells but sentences before cells that show nothing: they would speak of what is not there."""
    kept: list[NotebookNode] = []
    for i, cell in enumerate(cells):
        if cell.cell_type == "markdown" and _split_heading(cell.source)[0] == 0:
            following = list(takewhile(lambda c: c.cell_type == "code", cells[i + 1 :]))
            if following and all(_shows_nothing(c) for c in following):
                continue
        kept.append(cell)
    return kept


def _shows_nothing(cell: NotebookNode) -> bool:
    bundles = [output.get("data", {}).get(MIME) for output in cell.outputs]
    return bool(bundles) and all(bundle is not None and not any(bundle.values()) for bundle in bundles)


def markdown_messages(notebook: NotebookNode) -> list[str]:
    """Every heading and paragraph of a notebook's prose: the messages that need a translation."""
    messages = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            _, heading, body = _split_heading(cell.source)
            messages += [heading, *(paragraph for paragraph in body.split("\n\n"))]
    return [message.strip() for message in messages if message.strip()]


def _split_heading(source: str) -> tuple[int, str, str]:
    match = _HEADING.match(source)
    if match is None:
        return 0, "", source.strip()
    return len(match.group(1)), match.group(2), source[match.end() :].strip()


def _output_in_language(output: NotebookNode, say: Words, files: str) -> NotebookNode:
    data = output.get("data", {})
    if MIME not in data:
        return output
    picked, html = output.copy(), data[MIME][say.language]
    for sheet in shown_sheets(output, say.language):
        html = html.replace(files_slot(sheet.name), _links(sheet, say, files))
    picked.data = NotebookNode({"text/html": html})
    return picked


def _links(sheet: Sheet, say: Words, files: str) -> str:
    names = file_names(sheet, say.language)
    links = [(f"{files}/{names['csv']}", say("Figures as CSV")), (f"{files}/{names['xlsx']}", say("Figures as XLSX"))]
    if sheet.programs:
        links.append((sheet.programs, say("CSV for programs")))
    return file_links(links, sheet.title)


def _has_error(notebook: NotebookNode) -> bool:
    return any(output.output_type == "error" for cell in notebook.cells for output in cell.get("outputs", []))


def slug(text: str) -> str:
    """An id made of a heading's letters and digits."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "section"
