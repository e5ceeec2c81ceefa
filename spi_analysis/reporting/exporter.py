"""From an executed notebook to a page of the round, once per language: what accessible_notebooks must be told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from html import unescape
from pathlib import Path
from typing import Literal

from babel import Locale
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from nbformat import NotebookNode

import accessible_notebooks
from accessible_notebooks import AccessibleExporter, Link, PageError, messages
from spi_analysis import __version__
from spi_analysis.errors import NotebookError
from spi_analysis.params import Language, RoundParams, RoundSetup
from spi_analysis.reporting.display import MIME
from spi_analysis.reporting.names import card_name, readable
from spi_analysis.reporting.sheets import Sheet, file_names, shown_sheets
from spi_analysis.reporting.tables import file_links
from spi_analysis.reporting.translations import speak_of, untranslated, with_marks, without_marks
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
YEARS_PAGE = ("published_years.{language}.html", message("Checks of the published years"))
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
    description: str
    about: tuple[tuple[str, str], ...]
    card: str
    # For programs that read the page: name and content.
    facts: tuple[tuple[str, str], ...]


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
    status = say("Draft") if is_draft else say("Final")
    name = readable(setup.roster[institution_id].name) if institution_id else say.pick(round_.title)
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
        heading=f"{name} {round_.year}" if is_brief else "",
        institution_id=institution_id,
        round_id=round_.round_id,
        round_title=say.pick(round_.title),
        subtitle=setup.roster[institution_id].name if institution_id else everyone,
        status=round_.report_status,
        status_text=status,
        synthetic=synthetic,
        files=files,
        fallback_note=_fallback_note(setup, say),
        description=without_marks(
            " · ".join(filter(None, (_in_short(notebook, language), say.pick(round_.title), status)))
        ),
        about=about_page(setup, institution_id, name, status, say) if kind == "report" else (),
        card=f"{files}/{card_name(language)}" if is_brief else "",
        facts=_facts(_round_of(setup, institution_id), say),
    )
    try:
        made = with_marks(_exporter().render(notebook, page))
        return with_findings(made) if is_brief else made
    except PageError as error:
        raise NotebookError(str(error), key=institution_id) from error


# A section that is folded: its heading, then all else.
_SECTION = re.compile(r"(?s)(<summary><h2 [^>]*>[^<]*)(</h2></summary>)(.*?</section>)")
_FINDING = re.compile(r'<p class="finding"><strong>(.*?)</strong></p>')
_LEAD_IN = re.compile(r'<p>[^<]*</p>\s*(?=<p class="not-yet">)')


def with_findings(html: str) -> str:
    """The page with what each section found in its title, and no lead-in to what is not known."""

    def titled(section: re.Match[str]) -> str:
        opening, closing, rest = section.groups()
        found = _FINDING.search(rest)
        if found is None:
            return section[0]
        rest, join = rest[: found.start()] + rest[found.end() :], " " if opening.endswith("?") else ": "
        return f'{opening}<span class="finding">{join}{found[1]}</span>{closing}{rest}'

    return _SECTION.sub(titled, _LEAD_IN.sub("", html))


# The first thing that a report says: the index with its interval and category.
_INDEX = re.compile(r'(?s)<p class="index">(.*?)</p>')


def _in_short(notebook: NotebookNode, language: Language) -> str:
    """The index as the page says it first; nothing where none is shown."""
    shown = (output.get("data", {}).get(MIME, {}).get(language, "") for cell in notebook.cells
             for output in cell.get("outputs", []))  # fmt: skip
    found = next((match for html in shown if (match := _INDEX.search(html))), None)
    return "" if found is None else " ".join(unescape(re.sub("<[^>]+>", " ", found[1])).split())


def _facts(round_: RoundParams, say: Words) -> tuple[tuple[str, str], ...]:
    given = round_.publication
    if given is None:
        return ()
    publisher = without_marks(say.pick(given.publisher))
    return (
        ("author", publisher),
        ("dcterms.publisher", publisher),
        ("dcterms.rights", without_marks(say.pick(given.licence))),
        ("dcterms.issued", given.day.isoformat()),
        ("dcterms.hasVersion", round_.report_status),
    )


def _round_of(setup: RoundSetup, institution_id: str) -> RoundParams:
    """The parameters that hold for a page; the round's own for the pages of all institutions."""
    return setup.round_for(institution_id) if institution_id else setup.round


def about_page(
    setup: RoundSetup, institution_id: str, name: str, status: str, say: Words
) -> tuple[tuple[str, str], ...]:
    """Who answers for the page, its terms, and how it is cited; nothing where the round does not say.

    For the pages of all institutions (code "") answers who publishes the round, not one institution.
    """
    round_ = _round_of(setup, institution_id)
    given = round_.publication
    if given is None:
        return ()
    publisher, day = say.pick(given.publisher), say.date(given.day)
    cited = say(
        "{publisher} ({year}). {title}: {name}. {status}, {day}.",
        publisher=publisher,
        year=given.day.year,
        title=say.pick(round_.title),
        name=name,
        status=status,
        day=day,
    )
    return (
        (say("Version"), f"{status}, {day}"),
        (say("Publisher"), publisher),
        (say("Contact"), say.pick(given.contact if institution_id else given.contact_for_all)),
        (say("Terms of use"), say.pick(given.licence)),
        (say("How to cite"), cited),
    )


@cache
def _style() -> str:
    return (TEMPLATES / "spi" / "style.css").read_text(encoding="utf-8")


@cache
def _own_pages() -> Environment:
    return Environment(loader=FileSystemLoader(TEMPLATES / "spi"), autoescape=True, undefined=StrictUndefined)


def page_of_its_own(template: str, **facts: object) -> str:
    """A page that no notebook carries, from a template of this package; it is dressed when it is written."""
    return _own_pages().get_template(template).render(css=STYLE_SLOT, **facts)


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
        yield link(above, OVERVIEW_PAGE, message("Overview"), file_name == OVERVIEW_PAGE and not is_checks)
        if not institution_id:
            name, title = YEARS_PAGE
            yield link(above, name, title, name == file_name)
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
