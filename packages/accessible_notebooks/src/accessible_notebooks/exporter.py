"""The exporter: nbconvert with a template of its own, for screen and screen reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from nbconvert.exporters.templateexporter import TemplateExporter
from nbformat import NotebookNode
from traitlets import Unicode, default

from accessible_notebooks.languages import MIME, Language, catalogue, in_language
from accessible_notebooks.page import Link, Page, PageError

TEMPLATES = Path(__file__).parent / "templates"
_PICTURES = ("image/png", "image/jpeg", "image/svg+xml")


class AccessibleExporter(TemplateExporter):
    """Notebooks as accessible pages; ``jupyter nbconvert --to accessible_html report.ipynb``.

    nbconvert's own HTML exporter would parse and rewrite the whole page once more.
    """

    export_from_notebook = "Accessible HTML"
    # Of an output that carries the HTML of each language.
    mime = MIME
    output_mimetype = "text/html"
    language = Unicode("en", help="Language of the page.").tag(config=True)
    catalogue = Unicode("", help="Compiled gettext catalogue (.mo) with the notebook's prose.").tag(config=True)

    @default("file_extension")
    def _file_extension_default(self) -> str:
        return ".html"

    @default("template_name")
    def _template_name_default(self) -> str:
        return "accessible_html"

    @default("extra_template_basedirs")
    def _basedirs_default(self) -> list[str]:
        return [str(TEMPLATES)]

    @default("extra_template_paths")
    def _paths_default(self) -> list[str]:
        # So that templates can say {% extends 'accessible_html/index.html.j2' %}.
        return [str(TEMPLATES)]

    def from_notebook_node(self, nb: NotebookNode, resources: Any = None, **kw: Any) -> tuple[str, Any]:  # type: ignore[override]
        """The page, by nbconvert's interface."""
        name = ((resources or {}).get("metadata") or {}).get("name", "")
        say = catalogue(self.catalogue) if self.catalogue else str
        return self._page(nb, Page(self.language, say, title=name, with_code=not self.exclude_input), resources, **kw)

    def render(self, notebook: NotebookNode, page: Page) -> str:
        """The HTML of an executed notebook.

        Raises
        ------
        PageError   the notebook holds an error, or an output is not there in the page's language.
        """
        return self._page(notebook, page)[0]

    def html_of(self, output: NotebookNode, page: Page) -> str | None:
        """An output in the language of the page; None: it carries no languages."""
        html = output.get("data", {}).get(self.mime)
        if html is not None and page.language not in html:
            raise PageError(f"an output is there in {', '.join(html)}, and not in {page.language!r}")
        return html and html[page.language]

    def _page(self, notebook: NotebookNode, page: Page, resources: Any = None, **kw: Any) -> tuple[str, Any]:
        _require_no_error(notebook)
        content, title = in_language(notebook, page.say, lambda output: self.html_of(output, page))
        self._tell_of_pictures(content)
        self.environment.globals["page"] = replace(page, title=title or page.title)
        return super().from_notebook_node(content, resources, **kw)

    def _tell_of_pictures(self, content: NotebookNode) -> None:
        for number, cell in enumerate(content.cells):
            if any(_without_words(output) for output in cell.get("outputs", [])):
                self.log.warning("a picture of cell %s has no words: put `#| alt: ...` above its code", number)


def render_languages(notebook: NotebookNode, file_name: str, languages: Sequence[Language]) -> dict[str, str]:
    """A page per language, each with links to the others.

    Parameters
    ----------
    file_name : with ``{language}`` in it, such as "report.{language}.html"

    Returns
    -------
    File name -> HTML.
    """
    exporter = AccessibleExporter()
    links = [Link(file_name.format(language=one.code), one.name, one.code) for one in languages]
    return {
        own.href: exporter.render(
            notebook, Page(one.code, one.say, others=tuple(link for link in links if link != own))
        )
        for one, own in zip(languages, links, strict=True)
    }


def _require_no_error(notebook: NotebookNode) -> None:
    for number, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                raise PageError(
                    f"the notebook holds an error, so no page is made from it: cell {number}, {output.ename}"
                )


def _without_words(output: NotebookNode) -> bool:
    data = output.get("data", {})
    shown = "text/html" not in data and any(kind in data for kind in _PICTURES)
    return shown and not output.metadata.get("alt")
