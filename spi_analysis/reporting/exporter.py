"""From an executed notebook to a page of the round, once per language: what accessible_notebooks must be told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from babel import Locale
from nbformat import NotebookNode

import accessible_notebooks
from accessible_notebooks import AccessibleExporter, Link, PageError, messages
from spi_analysis import __version__
from spi_analysis.errors import NotebookError
from spi_analysis.params import Language, RoundSetup
from spi_analysis.reporting.display import MIME
from spi_analysis.reporting.names import readable
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
EXPLORER_PAGE = "explorer.{language}.html"
# Where a page of its own has the style of all pages, once it is written.
STYLE_SLOT = "/* the style of all pages */"
METHOD_CHECKS = message("Method checks")
# There only after `spi simulate`.
DESIGNS_PAGE = ("15_design_simulator.{language}.html", message("Design simulator"))


@dataclass(frozen=True, kw_only=True)
class Page(accessible_notebooks.Page):
    """What a page of a round has beside: its round, its status, and where its tables lie as files."""

    say: Words
    heading: str
    institution_id: str
    round_id: str
    round_title: str
    subtitle: str
    status: str
    status_text: str
    synthetic: bool
    files: str
    fallback_note: str


class _Exporter(AccessibleExporter):
    """With the template of this package, and links to the files of every table."""

    mime = MIME

    def html_of(self, output: NotebookNode, page: accessible_notebooks.Page) -> str | None:
        html = super().html_of(output, page)
        if html is not None and isinstance(page, Page):
            for sheet in shown_sheets(output, page.say.language):
                html = html.replace(files_slot(sheet.name), _links(sheet, page.say, page.files))
        return html


@cache
def _exporter() -> _Exporter:
    # The usual preprocessors do nothing here, but the notebook would be checked again after each of them.
    folders = [str(TEMPLATES), str(accessible_notebooks.TEMPLATES)]
    return _Exporter(template_name="spi", extra_template_basedirs=folders, default_preprocessors=[])


def warm_exporter() -> None:
    """Read the template once, so that the first page costs no more than the others."""
    _ = _exporter().template


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
    speak_of(setup)
    say, round_ = words(language), setup.round
    is_checks = METHOD_CHECKS in messages(notebook)[:1]
    is_draft = round_.report_status == "draft"
    everyone = say("{n} institutions of this round", n=len(setup.institution_ids))
    is_brief = kind == "report" and bool(institution_id)
    page = Page(
        language=language,
        say=say,
        others=tuple(
            Link(file_name.format(language=other), language_name(other), other)
            for other in round_.languages
            if other != language
        ),
        pages=tuple(_pages(setup, institution_id, is_checks, file_name, say)),
        pages_title=say("Pages of this round"),
        footer=say(
            "Made with the SPI workbench {version} from round {round}.", version=__version__, round=round_.round_id
        ),
        css=_style(),
        css_class=kind,
        with_code=kind == "analyst",
        folded=is_brief,
        heading=f"{readable(setup.roster[institution_id].name)} {round_.year}" if is_brief else "",
        institution_id=institution_id,
        round_id=round_.round_id,
        round_title=say.pick(round_.title),
        subtitle=setup.roster[institution_id].name if institution_id else everyone,
        status=round_.report_status,
        status_text=say("Draft") if is_draft else say("Final"),
        synthetic=synthetic,
        files=files,
        fallback_note=_fallback_note(setup, say),
    )
    try:
        return with_marks(_exporter().render(notebook, page))
    except PageError as error:
        raise NotebookError(str(error), key=institution_id) from error


@cache
def _style() -> str:
    return (TEMPLATES / "spi" / "style.css").read_text(encoding="utf-8")


def with_style(html: str) -> str:
    """A page of its own that a notebook made, dressed like all others: a new look needs no execution."""
    return html.replace(STYLE_SLOT, _style(), 1)


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


def _pages(setup: RoundSetup, institution_id: str, is_checks: bool, file_name: str, say: Words) -> Iterator[Link]:
    """Links from this page to the others of the round, relative; the page's own entry is marked."""

    def link(folder: str, name: str, title: str, own: bool) -> Link:
        return Link(folder + name.format(language=say.language), say(title), own=own)

    round_id, outputs = setup.round.round_id, setup.workspace.outputs
    above = f"../{round_id}/" if is_checks else "../" if institution_id else ""
    if has_published(setup.workspace):
        yield link(above, OVERVIEW_PAGE, message("Overview"), not institution_id and not is_checks)
    if institution_id:
        if has_published(setup.workspace):
            # The institution is marked there, beside those that a reader adds.
            yield link(above, f"{EXPLORER_PAGE}#pick={institution_id}", message("Compare with others"), False)
        yield from (link("", name, title, name == file_name) for name, title in INSTITUTION_PAGES)
        name, title = DESIGNS_PAGE
        folder = setup.workspace.institution_outputs(round_id, institution_id)
        if name == file_name or (folder / name.format(language=say.language)).exists():
            yield link("", name, title, name == file_name)
    # The checks are no part of a round: they are there only after `spi coverage`.
    if is_checks or (outputs / METHOD_CHECKS_PAGE.format(language=say.language)).exists():
        yield link("../../" if institution_id else "../", METHOD_CHECKS_PAGE, METHOD_CHECKS, is_checks)


def _links(sheet: Sheet, say: Words, files: str) -> str:
    names = file_names(sheet, say.language)
    links = [(f"{files}/{names['csv']}", say("Figures as CSV")), (f"{files}/{names['xlsx']}", say("Figures as XLSX"))]
    if sheet.programs:
        links.append((sheet.programs, say("CSV for programs")))
    return file_links(links, sheet.title)
